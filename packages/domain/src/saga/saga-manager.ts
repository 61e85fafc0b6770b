import {
  ClosedError,
  ConfigurationError,
  type IClock,
  type IEventBus,
  type ILogger,
  type ISagaStore,
  type SagaFilter,
  type SagaPage,
  type SagaRecord,
  systemClock,
  toError,
} from '@interline/core'
import type { CommandBus } from '../request/command-bus.js'
import { claimSaga } from './claiming.js'
import type { SagaDefinition } from './define-saga.js'
import { DueLoop } from './due-loop.js'
import { type AnySaga, definitionOf, type Saga } from './saga.js'
import type { SagaBody } from './saga-body.js'
import { SagaPool } from './saga-pool.js'
import { createSaga, SagaReactions } from './saga-reactions.js'
import { type Adjustment, type SagaHost, SagaRun } from './saga-run.js'
import { type SagaView, viewOf } from './saga-view.js'

export interface SagaManagerOptions {
  readonly store: ISagaStore
  /** Brings the events that sagas wait for, and takes those that they publish. */
  readonly bus?: IEventBus | undefined
  /** Takes the commands that sagas send. */
  readonly commands?: CommandBus | undefined
  /** How long a saga stays with a process that may have died, default 30,000. One that lives extends it. */
  readonly leaseMs?: number | undefined
  /** How often it is looked for what is due, default 1,000. A store in memory tells by itself. */
  readonly pollMs?: number | undefined
  /** Sagas worked on at once in this process, default 16. */
  readonly concurrency?: number | undefined
  /** How long ended sagas are kept, default 7 days. */
  readonly keepEndedMs?: number | undefined
  /** Told of every saga that needs an operator. Without it, a warning. */
  readonly onParked?: ((saga: SagaView) => void) | undefined
  readonly clock?: IClock | undefined
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

/** Makes the instance of a class saga anew, from what was stored. */
export type SagaFactory<Data extends object> = (stored: { readonly id: string; readonly data: Data }) => Saga<Data>

type AnyFactory = (stored: { readonly id: string; readonly data: never }) => AnySaga

export interface StartSagaOptions<State> {
  /** Unique within the type: what belongs to it says this id. */
  readonly id: string
  readonly state: State
}

const defaults = { leaseMs: 30_000, pollMs: 1_000, concurrency: 16, keepEndedMs: 7 * 86_400_000 } as const
const tidyEveryMs = 3_600_000

const toConsole: Pick<ILogger, 'warn'> = {
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
}

/**
 * Runs sagas: each is a row in the store that one process works on at a time, step by step, so that any process goes on where another
 * one died. Several managers over one store share the work.
 */
export class SagaManager implements AsyncDisposable {
  readonly #options: SagaManagerOptions
  readonly #clock: IClock
  readonly #definitions = new Map<string, SagaDefinition>()
  readonly #factories = new Map<string, AnyFactory>()
  readonly #pool: SagaPool
  readonly #host: SagaHost
  readonly #loop: DueLoop
  readonly #reactions: SagaReactions | undefined
  #tidying: { cancel(): void } | undefined
  #started: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: SagaManagerOptions) {
    const { store, bus, commands, leaseMs = defaults.leaseMs, pollMs = defaults.pollMs, clock = systemClock } = options
    this.#options = options
    this.#clock = clock
    this.#pool = new SagaPool(options.concurrency ?? defaults.concurrency)
    this.#host = {
      store,
      clock,
      leaseMs,
      commands,
      publish: bus && ((event, key) => bus.publish(event, { key })),
      definitionFor: (type, id, body) => this.#definitionFor(type, id, body),
      parked: (record) => this.#parked(record),
    }
    this.#loop = new DueLoop({
      store,
      clock,
      leaseMs,
      pollMs,
      pool: this.#pool,
      logger: options.logger ?? toConsole,
      types: () => [...this.#definitions.keys(), ...this.#factories.keys()],
      work: (claimed) => this.#work(new SagaRun(this.#host, claimed)),
    })
    this.#reactions = bus && new SagaReactions({ bus, host: this.#host, goOn: (run) => this.#goOn(run) })
  }

  /** Makes sagas of a type known here: by a definition, or by the factory of a class. Before `start`. */
  register(definition: SagaDefinition): this
  register<Data extends object>(type: string, factory: SagaFactory<Data>): this
  register(target: SagaDefinition | string, factory?: AnyFactory): this {
    if (this.#started !== undefined) throw new ConfigurationError('Register sagas before the manager is started.')
    const type = typeof target === 'string' ? target : target.type
    if (this.#knows(type)) throw new ConfigurationError(`The saga "${type}" is registered already.`)
    if (typeof target !== 'string') {
      const definition = target
      if (this.#reactions === undefined && (definition.start !== undefined || definition.on.length > 0)) {
        throw new ConfigurationError(`Saga "${type}" waits for events: give the SagaManager a bus.`)
      }
      this.#definitions.set(type, definition)
    } else if (typeof factory === 'function') this.#factories.set(type, factory)
    else throw new ConfigurationError(`Register the saga "${type}" with a factory: ({ id, data }) => new MySaga(id, data).`)
    return this
  }

  /** Subscribes to what the sagas wait for, and begins to look for what is due. Where it rejects, it may be tried again. */
  start(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new ClosedError('The saga manager is closed. Make a new one.'))
    this.#started ??= this.#start()
    return this.#started
  }

  /** Stores a new saga; resolves when it is sure to run, here or elsewhere. Rejects where there is one with its id. */
  async startSaga<State>(definition: SagaDefinition<State>, options: StartSagaOptions<State>): Promise<SagaView<State>>
  async startSaga<Data extends object>(saga: Saga<Data>): Promise<SagaView<Data>>
  async startSaga(target: SagaDefinition | AnySaga, options?: StartSagaOptions<unknown>): Promise<SagaView<unknown>> {
    if (this.#closing !== undefined) throw new ClosedError('The saga manager is closed. Make a new one.')
    const [definition, id, state] =
      'sagaType' in target ? [definitionOf(target), target.sagaId, target.data] : [target, options?.id, options?.state]
    if (typeof id !== 'string' || id === '')
      throw new ConfigurationError(`A saga "${definition.type}" needs an id, text that is not empty.`)
    if (!this.#knows(definition.type)) throw unknownType(definition.type)
    const run = await createSaga(this.#host, definition, id, state)
    if (run === undefined) throw new ConfigurationError(`There is a saga ${definition.type} ${id} already. Find it, or give another id.`)
    const view = viewOf(run.record)
    this.#goOn(run)
    return view
  }

  async find<State = unknown>(type: string, id: string): Promise<SagaView<State> | undefined> {
    const record = await this.#options.store.load(type, id)
    return record && viewOf<State>(record)
  }

  /** Oldest first; what needs an operator by `{ status: 'parked' }`. */
  async list(filter?: SagaFilter, page?: SagaPage): Promise<{ readonly sagas: readonly SagaView[]; readonly next: string | undefined }> {
    const { sagas, next } = await this.#options.store.list(filter, page)
    return { sagas: sagas.map((record) => viewOf(record)), next }
  }

  async count(filter?: SagaFilter): Promise<number> {
    return this.#options.store.count(filter)
  }

  /** Has a parked saga go on where it stopped, with all its attempts before it. */
  async resume(type: string, id: string): Promise<void> {
    await this.#adjust(type, id, (view, body, now) => {
      if (view.status !== 'parked')
        throw new ConfigurationError(`The saga ${type} ${id} is ${view.status}, and not parked: there is nothing to resume.`)
      const status = body.parkedFrom ?? 'running'
      const history = [...body.history, { at: now, what: 'resumed' as const }]
      return {
        status,
        body: { ...body, attempts: 0, parkedFrom: undefined, reason: status === 'running' ? undefined : body.reason, history },
      }
    })
  }

  /** Undoes what a saga has done, in reverse. */
  async cancel(type: string, id: string, reason: string = 'cancelled by an operator'): Promise<void> {
    await this.#adjust(type, id, (view, body, now) => {
      if (view.status === 'completed' || view.status === 'compensated') {
        throw new ConfigurationError(`The saga ${type} ${id} is ${view.status}: it can't be cancelled any more.`)
      }
      const history = [...body.history, { at: now, what: 'cancelled' as const, error: reason }]
      const cancelled = { ...body, attempts: 0, timers: [], parkedFrom: undefined, reason: { name: 'Cancelled', message: reason }, history }
      return { status: 'compensating', body: cancelled }
    })
  }

  /** Resolves when nothing is due or runs in this process. For tests and scripts. */
  async idle(): Promise<void> {
    await this.#pool.idle()
    await this.#loop.idle()
  }

  /** Begins no more work, and resolves when what runs has been stored. Other processes go on with the rest. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #start(): Promise<void> {
    try {
      for (const definition of this.#definitions.values()) await this.#reactions?.subscribe(definition)
    } catch (thrown) {
      await this.#reactions?.close()
      this.#started = undefined
      throw thrown
    }
    this.#loop.start()
    this.#tidyLater()
  }

  async #close(): Promise<void> {
    await this.#started?.catch(() => undefined)
    this.#tidying?.cancel()
    await this.#reactions?.close()
    await this.#loop.stop()
    await this.#pool.idle()
  }

  #goOn(run: SagaRun): void {
    this.#pool.add(() => this.#work(run))
  }

  async #work(run: SagaRun): Promise<void> {
    try {
      await run.run()
    } catch (thrown) {
      await run.postpone()
      this.#warn('A saga could not go on; it is tried again.', { error: toError(thrown).message })
    } finally {
      await run.end()
    }
  }

  async #adjust(type: string, id: string, change: (view: SagaView, body: SagaBody, now: number) => Adjustment): Promise<void> {
    const claimed = await claimSaga(this.#host, type, id)
    if (claimed === undefined) throw new ConfigurationError(`There is no saga ${type} ${id}. Look for it with list().`)
    const run = new SagaRun(this.#host, claimed)
    try {
      await run.adjust((body, now) => change(viewOf(claimed.record), body, now))
    } catch (thrown) {
      await run.giveBack()
      throw thrown
    } finally {
      await run.end()
    }
    this.#loop.wake()
  }

  #knows(type: string): boolean {
    return this.#definitions.has(type) || this.#factories.has(type)
  }

  #definitionFor(type: string, id: string, body: SagaBody): SagaDefinition {
    const factory = this.#factories.get(type)
    const definition = factory === undefined ? this.#definitions.get(type) : definitionOf(factory({ id, data: body.state as never }))
    if (definition === undefined) throw unknownType(type)
    return definition
  }

  #parked(record: SagaRecord): void {
    const view = viewOf(record)
    if (this.#options.onParked !== undefined) this.#options.onParked(view)
    else
      this.#warn(`The saga ${view.type} ${view.id} is parked, and needs an operator: resume or cancel it.`, {
        reason: view.reason?.message,
      })
  }

  #tidyLater(): void {
    this.#tidying = this.#clock.setTimer(() => void this.#tidy(), tidyEveryMs, { background: true })
  }

  async #tidy(): Promise<void> {
    try {
      await this.#options.store.removeEnded(new Date(this.#clock.now() - (this.#options.keepEndedMs ?? defaults.keepEndedMs)))
    } catch (thrown) {
      this.#warn('Removing ended sagas failed; it is tried again.', { error: toError(thrown).message })
    }
    if (this.#closing === undefined) this.#tidyLater()
  }

  #warn(message: string, fields: Record<string, unknown>): void {
    ;(this.#options.logger ?? toConsole).warn(message, fields)
  }
}

function unknownType(type: string): ConfigurationError {
  return new ConfigurationError(`The saga "${type}" is not registered here. Register it before the manager is started.`)
}
