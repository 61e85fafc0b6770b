import type { AnyTarget, Awaitable, HandlerContext, IEventBus, Subscription } from '@interline/core'
import { ConfigurationError, Reject } from '@interline/core'
import { claimSaga } from './claiming.js'
import type { SagaDefinition } from './define-saga.js'
import { firstBody, writeBody } from './saga-body.js'
import { type SagaHost, SagaRun } from './saga-run.js'
import { checkState } from './saga-state.js'

/** What is read of any event. */
interface Received {
  readonly eventId: string
  readonly eventType: string
  readonly correlationId: string
  readonly data?: unknown
}

export interface ReactionOptions {
  readonly bus: IEventBus
  readonly host: SagaHost
  /** Goes on with what an event set off, in the background. */
  readonly goOn: (run: SagaRun) => void
}

/** Brings events to the sagas that they belong to: begins them, and has them react. */
export class SagaReactions {
  readonly #options: ReactionOptions
  readonly #subscriptions: Subscription[] = []

  constructor(options: ReactionOptions) {
    this.#options = options
  }

  /** One subscription for each target, in a group of the saga's own: its position and its retries are its own. */
  async subscribe(definition: SagaDefinition): Promise<void> {
    const { type, start, on } = definition
    const targets = new Set([...(start === undefined ? [] : [start]), ...on.map(({ target }) => target)])
    for (const target of targets) {
      const take = (event: object, context: HandlerContext): Promise<void> => this.#take(definition, target, event as Received, context)
      const options = { name: `saga:${type}:${nameOf(type, target)}`, group: `saga-${type}` }
      this.#subscriptions.push(await this.#options.bus.subscribe<AnyTarget>(target, take, options))
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.unsubscribe()))
  }

  async #take(definition: SagaDefinition, target: AnyTarget, event: Received, context: HandlerContext): Promise<void> {
    const { type, on, missing } = definition
    const reaction = on.find((each) => each.target === target)
    const id = idOf(definition, reaction?.correlate, event)
    if (definition.start === target && (await this.#begin(definition, id, event))) return
    if (reaction === undefined) return
    const { host, goOn } = this.#options
    // a saga may be at a step for longer than an event is tried again, which is no fault of the event
    const last = context.attemptsLeft === 0
    for (;;) {
      const claimed = await claimSaga(host, type, id, { signal: context.signal, patient: last })
      if (claimed === undefined) {
        if (missing === 'ignore') return
        throw new Error(`There is no saga ${type} ${id} for event "${event.eventType}": it has not begun, or was removed.`)
      }
      const run = new SagaRun(host, claimed)
      try {
        if ((await run.react(event.eventId, event.eventType, (state, saga) => reaction.run(state, event as never, saga))) === 'again')
          goOn(run)
        else await run.end()
        return
      } catch (thrown) {
        await run.end()
        // nor is it that the saga was lost: the last attempt goes on with what the other process has made of it
        if (!last || !run.lost) throw thrown
      }
    }
  }

  /** False: there is one already, perhaps begun by this very event. */
  async #begin(definition: SagaDefinition, id: string, event: Received): Promise<boolean> {
    const state = definition.begin === undefined ? event.data : await (definition.begin as (event: Received) => Awaitable<unknown>)(event)
    const run = await createSaga(this.#options.host, definition, id, state, event)
    if (run !== undefined) this.#options.goOn(run)
    return run !== undefined
  }
}

/** Stores a new saga, claimed. `undefined`: there is one with this id. Throws where the state does not fit its schema. */
export async function createSaga(
  host: SagaHost,
  definition: SagaDefinition,
  id: string,
  given: unknown,
  event?: Pick<Received, 'eventId' | 'correlationId'>,
): Promise<SagaRun | undefined> {
  const state = checkState(definition, given)
  const body = firstBody(definition.version, state, event?.correlationId, event === undefined ? [] : [event.eventId])
  const change = { status: 'running', dueAt: 0, body: writeBody(body) } as const
  const claimed = await host.store.create(definition.type, id, change, { leaseMs: host.leaseMs })
  return claimed && new SagaRun(host, claimed)
}

function idOf({ type, correlate }: SagaDefinition, own: ((event: never) => string) | undefined, event: Received): string {
  const id: unknown = (own ?? correlate)?.(event as never)
  if (typeof id === 'string' && id !== '') return id
  throw new Reject(`correlate of saga "${type}" gave no id for event "${event.eventType}" ${event.eventId}, but a ${typeof id}.`)
}

function nameOf(type: string, target: AnyTarget): string {
  if (typeof target === 'string') return target
  const { type: own, pattern, name } = target as { readonly type?: string; readonly pattern?: string; readonly name?: string }
  const found = own ?? pattern ?? name
  if (found !== undefined && found !== '') return found
  throw new ConfigurationError(`Saga "${type}" waits for an event that has no name. Use a definition, a named class, or a topic.`)
}
