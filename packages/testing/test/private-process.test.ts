import { existsSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../src/index.js'
import { PrivateProcess, type ServerCommand, started } from '../src/servers/private-process.js'

/** Listens, and adds a line to the file `runs`; its first runs end with code 3, as many as it is told. */
const program = `
const { appendFileSync, readFileSync } = require('node:fs')
const [port, failures] = process.argv.slice(1).map(Number)
appendFileSync('runs', process.pid + '\\n')
if (readFileSync('runs', 'utf8').trim().split('\\n').length <= failures) process.exit(3)
require('node:net').createServer((socket) => socket.end()).listen(port, '127.0.0.1')
`

class SmallServer extends PrivateProcess {}

interface Small {
  readonly server: SmallServer
  readonly folder: string
  answers(): Promise<boolean>
  /** The process ids of its runs. */
  runs(): Promise<readonly number[]>
}

async function small(failures: number, more: Partial<ServerCommand> = {}): Promise<Small> {
  const folder = await mkdtemp(join(tmpdir(), 'interline-small-'))
  const port = await freePort()
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('close', () => socket.destroy())
    })
  const server = new SmallServer({
    name: 'small-server',
    binary: process.execPath,
    port,
    folder,
    arguments: ['-e', program, String(port), String(failures)],
    surroundings: { cwd: folder },
    answers,
    ...more,
  })
  return { server, folder, answers, runs: async () => (await readFile(join(folder, 'runs'), 'utf8')).trim().split('\n').map(Number) }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a private server is another process after a restart, and close leaves neither a process nor a folder', async () => {
  const { server, folder, answers, runs } = await small(0)
  await started(server)
  await server.start()
  await server.restart()
  const pids = await runs()
  expect(pids.map(alive)).toEqual([false, true])
  await server.close()
  expect(pids.map(alive)).toEqual([false, false])
  expect([server.running, await answers(), existsSync(folder)]).toEqual([false, false, false])
})

test('one that ends before it answers is an error, or is started once more where that was asked for', async () => {
  const plain = await small(2)
  await expect(started(plain.server)).rejects.toThrow(`small-server on port ${plain.server.port} ended with code 3. Is the port taken?`)
  expect(existsSync(plain.folder)).toBe(false)
  const insisting = await small(2, { insists: true })
  await using server = await started(insisting.server)
  expect(server.running).toBe(true)
  expect((await insisting.runs()).map(alive)).toEqual([false, false, true])
})

test('one whose program is missing says what to install', async () => {
  const nowhere = { binary: '/nowhere/small-server' }
  await expect(started((await small(0, nowhere)).server)).rejects.toThrow('Install it (Debian: apt-get install small-server)')
  const other = await small(0, { ...nowhere, install: 'Install Small 17.' })
  await expect(started(other.server)).rejects.toThrow('small-server could not be started. Install Small 17.')
})

test('one that could not be prepared leaves no folder', async () => {
  const { server, folder } = await small(0)
  await expect(started(server, () => Promise.reject(new Error('no room')))).rejects.toThrow('no room')
  expect(existsSync(folder)).toBe(false)
})
