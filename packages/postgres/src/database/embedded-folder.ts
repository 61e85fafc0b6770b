import { resolve } from 'node:path'
import { ConfigurationError, toError } from '@interline/core'
import { FolderLock } from './folder-lock.js'
import type { PGliteLike } from './pglite-database.js'

interface Opened {
  readonly client: PGliteLike
  readonly lock: FolderLock
}

interface Folder {
  readonly opened: Promise<Opened>
  users: number
  closing: Promise<void> | undefined
}

/** A folder in use, to be given up once. */
export interface FolderUse {
  readonly client: PGliteLike
  release(): Promise<void>
}

const marker = Symbol.for('interline.postgres.folders')
const registry = globalThis as { [marker]?: Map<string, Folder> }
// One for the process, also where two copies of this package are loaded.
registry[marker] ??= new Map()
const folders: Map<string, Folder> = registry[marker]

/** Opens a folder, or takes part in it where this process has it open: all parts share one PGlite, and the last one closes it. */
export async function useFolder(dataDir: string, open: (dataDir: string) => PGliteLike): Promise<FolderUse> {
  const path = resolve(dataDir)
  for (;;) {
    const known = folders.get(path)
    if (known?.closing === undefined) {
      const folder = known ?? { opened: openFolder(dataDir, open), users: 0, closing: undefined }
      folders.set(path, folder)
      return take(path, folder)
    }
    await known.closing.catch(() => undefined)
  }
}

async function take(path: string, folder: Folder): Promise<FolderUse> {
  folder.users++
  try {
    const { client } = await folder.opened
    let released: Promise<void> | undefined
    return { client, release: () => (released ??= leave(path, folder)) }
  } catch (error) {
    if (folders.get(path) === folder) folders.delete(path)
    throw error
  }
}

async function leave(path: string, folder: Folder): Promise<void> {
  folder.users--
  if (folder.users > 0) return
  folder.closing = close(folder).finally(() => folders.delete(path))
  await folder.closing
}

async function close({ opened }: Folder): Promise<void> {
  const { client, lock } = await opened
  try {
    await client.close()
  } finally {
    await lock.release()
  }
}

async function openFolder(dataDir: string, open: (dataDir: string) => PGliteLike): Promise<Opened> {
  const lock = await FolderLock.take(dataDir)
  try {
    const client = open(dataDir)
    await client.waitReady
    return { client, lock }
  } catch (error) {
    await lock.release()
    throw new ConfigurationError(`PGlite can't open the folder ${dataDir}: ${toError(error).message}. Is it one of PGlite's own?`, {
      cause: error,
    })
  }
}
