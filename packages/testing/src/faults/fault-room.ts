import assert from 'node:assert/strict'
import type { HandlerOptions, HealthReport, IEventBus, Instrumentation } from '@interline/core'
import type { Limits, Scale } from '../contract/broker-options.js'
import { type ThingEvent, ThingMade } from '../contract/events.js'
import { Room } from '../contract/room.js'
import { startWorker } from '../crash/start-worker.js'
import type { WorkerOrders, WorkerReport } from '../crash/worker-messages.js'
import type { WorkerProcess } from '../crash/worker-process.js'
import { monotonicMs, pause, within } from '../waiting/wait-for.js'
import type { FaultyLine, KillableServer, TestBrokerFaultsOptions } from './fault-options.js'
import { Leaks } from './leaks.js'
import { Load, type LoadOptions } from './load.js'
import { seededRandom } from './seeded-random.js'
import { TotalQueue } from './total-queue.js'

/** `wellAgainMs` (H): how soon health says that the server is back. `progressMs` (R): how soon new events of every key are handled. */
const recovery = { wellAgainMs: 5_000, progressMs: 10_000 } as const
/** Where nothing is far away. */
const quickRecovery = { wellAgainMs: 500, progressMs: 500 } as const
/** S: what a busy machine adds to the time-out of a publish. */
const slackMs = 1_500

type Status = HealthReport['status']
type HandlerBody = (event: ThingEvent, about: { readonly attempt: number }) => unknown

/** What one fault scenario works in: a load, consumers in this process or others, and what must hold at the end. */
export class FaultRoom extends Room {
  readonly server: KillableServer
  readonly line: FaultyLine
  readonly leaseMs: number
  readonly queue: TotalQueue = new TotalQueue()
  readonly random: () => number
  readonly #faults: TestBrokerFaultsOptions
  readonly #durationMs: number
  readonly #seed: number
  readonly #leaks = new Leaks()
  readonly #workers = new WeakMap<WorkerProcess, string>()
  #consumers = 0
  #cutOff = false

  constructor(options: TestBrokerFaultsOptions, scale: Scale, limits: Limits) {
    const { server: _ours, ...broker } = options
    super(broker, scale, limits)
    this.#faults = options
    this.server = options.server
    this.line = options.line
    this.leaseMs = options.leaseMs
    this.#durationMs = durationOf(options)
    this.#seed = options.seed ?? Number(process.env.INTERLINE_SEED ?? Math.floor(Math.random() * 2 ** 31))
    this.random = seededRandom(this.#seed)
  }

  /** In a short run so many times, in a full one as often as its time allows. */
  *strikes(short: number): Generator<number> {
    const end = performance.now() + this.#durationMs
    const goesOn = (done: number): boolean =>
      this.scale === 'full' ? done === 0 || performance.now() < end : done < (this.scale === 'tiny' ? 1 : short)
    for (let done = 0; goesOn(done); done++) yield done
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least)
  }

  /** A started bus of the group, whose runs are counted. `body` fails or waits. */
  async consumer(body?: HandlerBody, options: HandlerOptions<ThingEvent> = {}): Promise<IEventBus> {
    const by = `consumer ${(this.#consumers += 1)}`
    const instrumentation: Instrumentation = {
      deadLettered: ({ eventId }) => this.queue.buried(eventId),
      lost: ({ message }) => this.queue.lost(by, message.attributes.id ?? ''),
    }
    const bus = this.bus({ concurrency: 8, instrumentation })
    await bus.subscribe(
      ThingMade,
      async (event, { attempt }) => {
        const beganMs = monotonicMs()
        await body?.(event, { attempt })
        await pause(1)
        const { n, key = '' } = event.data
        this.queue.handled({ id: event.id, n, key, beganMs, endedMs: monotonicMs(), by })
      },
      { name: 'seen', ...options },
    )
    await bus.start()
    return bus
  }

  async publisher(): Promise<IEventBus> {
    const watch: Instrumentation = {
      broker: ({ kind }) => {
        this.#cutOff ||= kind === 'disconnected'
      },
    }
    const bus = this.bus({ service: 'publisher', instrumentation: watch })
    await bus.start()
    return bus
  }

  /** Where nothing is made to fail: what a machine too slow for leases and heartbeats brings about by itself may come twice. */
  get slowMachineRepeats(): number {
    return this.#cutOff ? Number.POSITIVE_INFINITY : this.queue.losses
  }

  load(bus: IEventBus, options: Partial<LoadOptions> = {}): Load {
    const load = new Load(bus, this.queue, { keys: 8, paceMs: 10, ...options })
    this.defer(() => load.stop())
    return load
  }

  /** A process of the group, whose runs are counted. */
  async worker(orders: Partial<WorkerOrders> = {}): Promise<WorkerProcess> {
    const by = `worker ${(this.#consumers += 1)}`
    const began = new Map<string, number>()
    const worker = await startWorker(this, orders, (report: WorkerReport) => {
      if (report.kind === 'began') began.set(report.id, report.atMs)
      else if (report.kind === 'buried') this.queue.buried(report.eventId)
      else if (report.kind === 'lost') this.queue.lost(by, report.id)
      else if (report.kind === 'cut-off') this.#cutOff = true
      else if (report.kind === 'handled') {
        const { id, key, n, atMs } = report
        this.queue.handled({ id, key, n, beganMs: began.get(id) ?? atMs, endedMs: atMs, by })
      }
    })
    this.#workers.set(worker, by)
    return worker
  }

  /** What a worker had in hand was given to others, and it could not know. Runs of it count for nothing with the broker. */
  takenFrom(worker: WorkerProcess): void {
    const ended = new Set(worker.handled.map(({ id }) => id))
    for (const { id } of worker.began) if (!ended.has(id)) this.queue.lost(this.#workers.get(worker) ?? '', id)
  }

  /** H and S: while the server can not be reached they say so, and a publish is given up. */
  async isDown(...buses: readonly IEventBus[]): Promise<void> {
    const refused = (): number => this.queue.answers('unknown') + this.queue.answers('failed')
    const before = refused()
    await Promise.all(buses.map((bus) => this.#becomes(bus, ['warn', 'fail'], this.limits.gapMs)))
    await this.waitFor(() => refused() > before, { what: 'a publish to be given up (S)' })
  }

  /** H and R: well again within its time, and events published from now on are handled, of every key. */
  async recovers(load: Load, ...buses: readonly IEventBus[]): Promise<void> {
    const { wellAgainMs, progressMs } = this.scale === 'tiny' ? quickRecovery : recovery
    const serial = this.queue.published
    const healedAt = performance.now()
    await Promise.all(buses.map((bus) => this.#becomes(bus, ['pass'], wellAgainMs)))
    await this.waitFor(() => this.queue.keysBeyond(serial) === load.keys, {
      what: `progress of every key within ${progressMs} ms after the fault (R)`,
      limitMs: Math.max(0, progressMs - (performance.now() - healedAt)),
    })
  }

  /** All that was accepted is handled or buried, and nothing is left in anybody's hands. */
  async finishes(load: Load, ...consumers: readonly IEventBus[]): Promise<void> {
    await load.stop()
    await this.waitFor(() => this.queue.waiting === 0, {
      what: 'everything accepted to be handled (L)',
      progress: () => `${this.queue.runs} runs, ${this.queue.waiting} waiting`,
    })
    await this.drained(...consumers)
  }

  /** L, U, D, O and S, and the summary. */
  judge(id: string, load: Load, duplicatesAllowed: number): void {
    const counters = this.queue.counters()
    const { lost, recovered, unexpected, duplicated } = counters
    const answers = (['accepted', 'unknown', 'failed'] as const).map((answer) => `${this.queue.answers(answer)} ${answer}`)
    const summary =
      `${id}: ${answers.join(', ')}; lost ${lost}, recovered ${recovered}, unexpected ${unexpected}, duplicated ${duplicated}; ` +
      `slowest publish ${Math.ceil(load.slowestMs)} ms; seed ${this.#seed}`
    if (this.scale === 'full') process.stdout.write(`${summary}\n`)
    assert.equal(lost, 0, `L: nothing accepted is lost. ${summary}`)
    assert.equal(unexpected, 0, `U: nothing comes that was never stored. ${summary}`)
    assert.ok(duplicated <= duplicatesAllowed, `D: at most ${duplicatesAllowed} come twice. ${summary}`)
    assert.deepEqual(load.surprises, [], `S: a publish that is refused says so by a PublishError. ${summary}`)
    assert.ok(load.slowestMs <= this.#faults.publishTimeoutMs + slackMs, `S: every publish is answered in its time. ${summary}`)
    if (this.capabilities.order !== 'key') return
    assert.deepEqual(this.queue.disorder(), [], `O: each key in its order. ${summary}`)
    assert.deepEqual(this.queue.overlaps(), [], `O: one event of a key at a time. ${summary}`)
  }

  /** N: what the scenario opened is gone. */
  override async close(): Promise<void> {
    this.server.resume()
    await this.server.start()
    this.line.heal()
    using leaks = this.#leaks
    await super.close()
    await leaks.check()
  }

  async #becomes(bus: IEventBus, wanted: readonly Status[], limitMs: number): Promise<void> {
    let said = ''
    const answer = async (): Promise<boolean> => {
      const report = await within(bus.health(), this.#faults.publishTimeoutMs + slackMs, 'health')
      said = JSON.stringify(report.checks)
      return wanted.includes(report.status)
    }
    await this.waitFor(answer, { what: `health "${wanted.join('" or "')}" (H)`, limitMs }).catch((cause: unknown) => {
      throw new Error(`Health said ${said}.`, { cause })
    })
  }
}

/** How long a scenario of the full run strikes. */
export function durationOf({ durationMs }: TestBrokerFaultsOptions): number {
  return durationMs ?? Number(process.env.INTERLINE_TEST_CHAOS_MS ?? 30_000)
}
