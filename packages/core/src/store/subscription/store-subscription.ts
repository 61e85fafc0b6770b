import { newEventId } from '../../event/event-id.js'
import type { CloseOptions } from '../../ports/abortable.js'
import type { IClock } from '../../ports/clock.js'
import type { IEventStore, RecordedEvent } from '../../ports/event-store.js'
import type { ILogger } from '../../ports/logger.js'
import { BatchError } from './batch-error.js'
import { type Batch, Processor } from './processor.js'
import type { ProcessorState } from './processor-state.js'
import type { ResolvedSubscribeOptions, StoreEventHandler } from './subscribe-options.js'

export interface StoreSubscriptionSettings {
  readonly store: IEventStore
  readonly options: ResolvedSubscribeOptions
  readonly handler: StoreEventHandler<object>
  /** Makes the event of what was recorded. */
  readonly receive: (recorded: RecordedEvent) => Promise<object>
  readonly logger: Pick<ILogger, 'warn'>
  readonly clock: IClock
}

/** Somebody who handles every event of a store at least once, in its order, wherever and however often his process starts. */
export class StoreSubscription implements AsyncDisposable {
  readonly #settings: StoreSubscriptionSettings
  readonly #processor: Processor

  constructor(settings: StoreSubscriptionSettings) {
    this.#settings = settings
    const { store, options, logger, clock } = settings
    const { name, onState, onSkipped } = options
    this.#processor = new Processor({
      ...options,
      store,
      owner: newEventId(),
      clock,
      load: async () => store.checkpoints.load(name),
      save: async (position, expected) => store.checkpoints.save(name, position, expected),
      handle: (batch) => this.#handle(batch),
      onState: (state) => {
        if (state.kind === 'stopped' || state.kind === 'interrupted') logger.warn(describe(name, state), { error: state.error.message })
        onState?.(state)
      },
      onSkipped: (event, error) => {
        if (onSkipped !== undefined) onSkipped(event, error)
        else logger.warn(`The subscription "${name}" skipped ${placeOf(event)}.`, { error: error.message })
      },
    })
  }

  get name(): string {
    return this.#settings.options.name
  }

  get state(): ProcessorState {
    return this.#processor.state
  }

  start(): Promise<void> {
    return this.#processor.start()
  }

  /** Nothing more is handled until `resume`, here or in another process as long as this one lives. */
  pause(): void {
    this.#processor.pause()
  }

  /** Goes on. Where it stopped at an event: with that, or after it with `skip`. */
  resume(options?: { readonly skip?: boolean | undefined }): Promise<void> {
    return this.#processor.resume(options)
  }

  /** About how many events of the store it has not passed, wanted or not. */
  async lag(): Promise<number> {
    const { store } = this.#settings
    return store.countAfter(await store.checkpoints.load(this.name))
  }

  /** What is being handled may finish; the checkpoint stays, and whoever subscribes by this name goes on from there. */
  close(options?: CloseOptions): Promise<void> {
    return this.#processor.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #handle({ events, attempt, signal, stopping }: Batch): Promise<number | undefined> {
    const { handler, receive } = this.#settings
    for (const [index, recorded] of events.entries()) {
      if (stopping.aborted) return index
      try {
        signal.throwIfAborted()
        await handler(await receive(recorded), { recorded, attempt: index === 0 ? attempt : 1, signal })
      } catch (thrown) {
        throw new BatchError(index, thrown)
      }
    }
    return undefined
  }
}

function describe(name: string, state: ProcessorState & { readonly kind: 'stopped' | 'interrupted' }): string {
  if (state.kind === 'interrupted') return `The subscription "${name}" was interrupted; going on from its checkpoint.`
  return `The subscription "${name}" stopped at ${placeOf(state.event)}. Mend what fails, then resume it, or resume it with skip.`
}

function placeOf({ stream, version, position }: RecordedEvent): string {
  return `version ${version} of stream "${stream}" (position ${position})`
}
