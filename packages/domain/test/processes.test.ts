import { type ChildProcess, fork } from 'node:child_process'
import { defineEvent, type EventStoreBase, staticSchema } from '@interline/core'
import { waitFor } from '@interline/testing'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { type Place, places, postgresUrl, redisUrl, sql } from './places.js'

const Numbered = defineEvent('kill.Numbered', { schema: staticSchema<{ number: number }>() })
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const total = 1_200
const kills = 6

/** A runner in a process of its own. */
class Runner implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #errors: string[] = []
  #ready = false

  constructor(orders: object) {
    // Neither the loader nor the environment of the test runner is for it.
    const { NODE_OPTIONS: _ours, ...env } = process.env
    const program = new URL('./projection-program.mjs', import.meta.url)
    this.#child = fork(program, [JSON.stringify(orders)], { execArgv: [], env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.on('message', () => (this.#ready = true))
    this.#child.stderr?.on('data', (text: Buffer) => this.#errors.push(text.toString()))
  }

  async ready(): Promise<void> {
    await waitFor(() => this.#ready || this.#child.exitCode !== null, { what: 'the process to be ready', limitMs: 20_000 })
    expect(this.#ready, this.#errors.join('')).toBe(true)
  }

  /** `kill -9`, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }
}

/** Appends while runners are killed in the middle of their work, two at a time, of which one waits for the other's end. */
async function killInTheMiddle(room: Place, kind: string, url: string, handled: () => Promise<number>): Promise<void> {
  const store: EventStoreBase = room.events()
  const orders = { kind, url, namespace: room.namespace }
  await store.connect()
  const append = async (first: number, count: number): Promise<void> => {
    for (let number = first; number < first + count; number += 20) {
      await store.saveEvents(
        'numbers',
        range(20).map((index) => Numbered({ number: number + index })),
      )
    }
  }
  let runner = new Runner(orders)
  await runner.ready()
  for (const round of range(kills)) {
    const next = new Runner(orders)
    const before = await handled()
    const appending = append((round * total) / kills, total / kills)
    await waitFor(async () => (await handled()) > before, { what: 'the runner to be at work', limitMs: 20_000 })
    await runner[Symbol.asyncDispose]()
    await appending
    await next.ready()
    runner = next
  }
  await using _last = runner
  await waitFor(async () => (await handled()) >= total, { what: 'the rest to be handled', limitMs: 20_000 })
}

test('a projection whose processes are killed handles each event once in effect, where the checkpoint is in its transaction', async () => {
  await using room = places.postgres()
  const table = `"${room.namespace}".numbers_1`
  const numbers = async (): Promise<number[]> => {
    const [found] = await sql('SELECT to_regclass($1) AS name', [table])
    return found?.name === null ? [] : (await sql(`SELECT number FROM ${table} ORDER BY place`)).map(({ number }) => number as number)
  }
  await killInTheMiddle(room, 'postgres', postgresUrl, async () => (await numbers()).length)
  expect(await numbers()).toEqual(range(total))
}, 120_000)

test('a projection whose processes are killed skips nothing, where its writes are elsewhere', async () => {
  await using room = places.redis()
  const client = new Redis(redisUrl)
  try {
    const numbers = async (): Promise<number[]> => (await client.lrange(`${room.namespace}:numbers_1`, 0, -1)).map(Number)
    await killInTheMiddle(room, 'redis', redisUrl, async () => new Set(await numbers()).size)
    const seen = await numbers()
    expect([...new Set(seen)]).toEqual(range(total))
    // What is done again after a kill is a batch at most, and in order.
    expect(seen.length).toBeLessThanOrEqual(total + kills * 25)
  } finally {
    client.disconnect()
  }
}, 120_000)
