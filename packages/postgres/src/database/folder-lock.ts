import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { ConfigurationError } from '@interline/core'

interface Owner {
  readonly token: string
  readonly pid: number
  readonly host: string
}

/**
 * Keeps a folder to one owner, by a file beside it that says who that is: PGlite itself lets a second process open it, whose writes are
 * then lost. The file of a process that is gone is taken over; one of another machine is not, as nobody here can tell.
 */
export class FolderLock {
  readonly #path: string
  readonly #owner: Owner

  private constructor(path: string, owner: Owner) {
    this.#path = path
    this.#owner = owner
  }

  static async take(folder: string): Promise<FolderLock> {
    const path = `${resolve(folder)}.lock`
    const owner: Owner = { token: randomUUID(), pid: process.pid, host: hostname() }
    await mkdir(dirname(path), { recursive: true })
    const draft = `${path}.${owner.token}`
    await writeFile(draft, JSON.stringify(owner))
    try {
      // A link appears whole or not at all, and never over another.
      while (!(await linked(draft, path))) await takeOver(folder, path, draft)
    } finally {
      await rm(draft, { force: true })
    }
    return new FolderLock(path, owner)
  }

  async release(): Promise<void> {
    if ((await ownerIn(this.#path))?.token === this.#owner.token) await rm(this.#path, { force: true })
  }
}

/** Takes the file of a dead owner away. Rejects where the owner may be alive. */
async function takeOver(folder: string, path: string, draft: string): Promise<void> {
  const owner = await ownerIn(path)
  if (owner === undefined) return
  if (owner.host !== hostname() || isAlive(owner.pid)) {
    throw new ConfigurationError(
      `The folder ${folder} is open in process ${owner.pid} of ${owner.host}, and two owners would lose each other's events. Close it there, hand its PGlite to both as client, or, if that process is gone, delete ${path}.`,
    )
  }
  const aside = `${draft}.aside`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  // Another process may have been faster, and this is its file: then it gets it back.
  const taken = await ownerIn(aside)
  if (taken !== undefined && taken.token !== owner.token) await linked(aside, path)
  await rm(aside, { force: true })
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function ownerIn(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigurationError(`${path} says nothing about who has the folder open. If nobody has, delete it.`, { cause: error })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
