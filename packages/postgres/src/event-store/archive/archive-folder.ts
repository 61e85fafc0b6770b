import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { ConnectionError, DecodeError, type RecordedEvent, toError } from '@interline/core'
import { eventOf, type FileHead, lineOf } from './archived-line.js'

const unfinished = '.part'

/** Files of one store's archived events, in a folder that all its processes share. A file never changes once it has its name. */
export class ArchiveFolder {
  readonly #folder: string
  readonly #prefix: string

  constructor(folder: string, prefix: string) {
    this.#folder = folder
    this.#prefix = prefix
  }

  /** Resolves with the file's name when all of it is on the disk. */
  async write(head: FileHead, events: Iterable<RecordedEvent>): Promise<string> {
    const name = `${this.#prefix}-${head.scope.slice(0, 8)}-${head.first}-${head.last}-${randomUUID().slice(0, 8)}.jsonl.gz`
    const path = join(this.#folder, name)
    try {
      await mkdir(this.#folder, { recursive: true })
      await pipeline(Readable.from(linesOf(head, events)), createGzip(), createWriteStream(path + unfinished, { flags: 'wx' }))
      await sync(path + unfinished, 'r+')
      await rename(path + unfinished, path)
      // So that the name survives a power failure, too. Windows can't, and keeps names by itself.
      if (process.platform !== 'win32') await sync(this.#folder, 'r')
    } catch (thrown) {
      throw new ConnectionError(`The archive file ${path} was not written: ${toError(thrown).message}. Nothing was archived.`, {
        cause: toError(thrown),
      })
    }
    return name
  }

  /** The file's events, in order, a part of it in memory at a time. A file that is not there gives `MissingFileError`. */
  async *read(name: string, { scope, first }: Pick<FileHead, 'scope' | 'first'>): AsyncGenerator<RecordedEvent, void, undefined> {
    const path = join(this.#folder, name)
    const source = createReadStream(path)
    const unpacked = source.pipe(createGunzip())
    source.on('error', (error) => unpacked.destroy(error))
    const lines = createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })
    // The lines end silently where what they are read from breaks off.
    let broken: Error | undefined
    unpacked.on('error', (error) => {
      broken = error
      lines.close()
    })
    try {
      let head: Partial<FileHead> | undefined
      for await (const line of lines) {
        if (head !== undefined) yield eventOf(line, path)
        else if ((head = headOf(line)).scope !== scope || head.first !== first || head.version !== 1) {
          throw new DecodeError(`The archive file ${path} is not what the store wrote. Restore it from a backup.`)
        }
      }
      if (broken !== undefined) throw broken
    } catch (thrown) {
      throw readFailure(path, toError(thrown))
    } finally {
      lines.close()
      source.destroy()
      unpacked.destroy()
    }
  }

  /** Names of this store's files, finished or not, each with its first position. */
  async list(scope: string): Promise<readonly { readonly name: string; readonly first: number }[]> {
    const begin = `${this.#prefix}-${scope.slice(0, 8)}-`
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return names.filter((name) => name.startsWith(begin)).map((name) => ({ name, first: Number.parseInt(name.slice(begin.length), 10) }))
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true })
  }
}

/** The file has another name by now, or is lost. */
export class MissingFileError extends Error {
  override readonly name = 'MissingFileError'
}

async function sync(path: string, flags: 'r' | 'r+'): Promise<void> {
  const file = await open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function* linesOf(head: FileHead, events: Iterable<RecordedEvent>): Generator<string, void, undefined> {
  yield `${JSON.stringify(head)}\n`
  for (const event of events) yield `${lineOf(event)}\n`
}

function headOf(line: string): Partial<FileHead> {
  try {
    return (JSON.parse(line) ?? {}) as Partial<FileHead>
  } catch {
    // Whatever it is, it is no head, and the caller says so.
    return {}
  }
}

function readFailure(path: string, error: Error): Error {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new MissingFileError(path)
  if (code === undefined || !/^(Z_|ERR_)/.test(code)) return error
  return new DecodeError(`The archive file ${path} is damaged: ${error.message}. Restore it from a backup.`, { cause: error })
}
