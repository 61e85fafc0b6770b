import type { Middleware } from '../delivery/subscriber.js'
import { ConfigurationError, SubscriptionError, toError } from '../errors.js'
import { modelOfReceivedType } from '../event/registry.js'
import { type AnyTarget, type ResolvedTarget, resolveTarget } from '../event/targets.js'
import type { Abortable } from '../ports/abortable.js'
import type { DestinationOf } from './destinations.js'
import { demandsOf, toSubscriber } from './handler.js'
import { type CommonBusOptions, clockOf, defaults } from './options.js'
import { type Registration, reachOf } from './registration.js'
import type { Side } from './side.js'
import { checkHandler, checkHandlerOptions } from './subscribe-checks.js'
import type { Handler, HandlerOptions, Subscription, SubscriptionSpec } from './subscribe-options.js'
import { BusSubscription } from './subscription.js'

export interface RegistrationsSettings extends CommonBusOptions {
  readonly service: string
  readonly instance: string
  readonly destinationOf: DestinationOf
  readonly sides: () => readonly Side[]
}

type Target = AnyTarget | readonly AnyTarget[]

/** The subscriptions of a bus: checked and named when they are made, opened on its sides when it starts or has started. */
export class Registrations {
  readonly #settings: RegistrationsSettings
  readonly #middleware: Middleware[] = []
  readonly #waiting = new Set<Registration>()
  readonly #names = new Set<string>()
  readonly #inProgress = new Set<Promise<void>>()
  #subscribed = false
  #opening: Promise<void> | undefined

  constructor(settings: RegistrationsSettings) {
    this.#settings = settings
  }

  use(middleware: Middleware): void {
    if (this.#subscribed)
      throw new ConfigurationError(
        'use() comes before the first subscribe: a handler that is already there would run without this middleware.',
      )
    this.#middleware.push(middleware)
  }

  add(
    target: Target | SubscriptionSpec<never>,
    handler: Handler<never> | undefined,
    options: HandlerOptions<never>,
  ): { registration: Registration; subscription: Subscription } {
    if (isSpec(target)) {
      const { eventTypes, handler: given, subscriberId, ...rest } = target
      return this.#add(resolveTypes(eventTypes), given, { ...rest, name: rest.name ?? subscriberId })
    }
    if (handler === undefined) throw new SubscriptionError('subscribe(target, handler) was called without a handler.')
    return this.#add(resolveTarget(target), handler, options)
  }

  /** Opens what waits, when the bus has started. Those that come in the same tick are opened together, so that none misses what another has fetched. */
  open(registration: Registration, started: Promise<void> | undefined): Promise<void> {
    const opened = this.#openSoon(registration, started)
    const done = (): void => void this.#inProgress.delete(opened)
    this.#inProgress.add(opened)
    opened.then(done, done)
    return opened
  }

  /** Whether subscriptions were asked for that do not consume yet. */
  get opening(): boolean {
    return this.#inProgress.size > 0
  }

  /** Resolves when each of these consumes or was refused. */
  async opened(): Promise<void> {
    await Promise.allSettled(this.#inProgress)
  }

  async #openSoon(registration: Registration, started: Promise<void> | undefined): Promise<void> {
    // the start opens it too, and nothing can be opened before there is a connection
    if (started !== undefined) await started
    if (!this.#waiting.has(registration)) return
    this.#opening ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.#opening = undefined
      return this.openAll().catch(() => undefined)
    })
    await this.#opening
    if (this.#waiting.has(registration)) await this.#openOn([registration])
  }

  /** Rejects with what a broker refuses. */
  async openAll(options?: Abortable): Promise<void> {
    while (this.#waiting.size > 0) await this.#openOn([...this.#waiting], options)
  }

  async #openOn(registrations: readonly Registration[], options?: Abortable): Promise<void> {
    for (const side of this.#settings.sides()) {
      // not what was ended while the side before was opened: nobody would end it here
      const wanted = registrations.filter((registration) => this.#waiting.has(registration))
      await side.consumers.open(wanted, options)
    }
    for (const registration of registrations) this.#waiting.delete(registration)
  }

  #add(
    target: ResolvedTarget,
    handler: Handler<never>,
    options: HandlerOptions<never>,
  ): { registration: Registration; subscription: Subscription } {
    checkHandler(handler)
    checkHandlerOptions(options)
    options.signal?.throwIfAborted()
    const { service, instance, destinationOf, destinations, retry, deadLetter, concurrency, logger } = this.#settings
    this.#checkNames(target)
    const reach = reachOf(target, destinationOf, destinations)
    const broadcast = options.broadcast === true
    const group = broadcast ? `${options.group ?? service}.${instance}` : (options.group ?? service)
    if (options.order === 'key' && (reach.destinations.length > 1 || reach.openPatterns.length > 0)) {
      throw new SubscriptionError(
        `order: 'key' can't be kept over several destinations (${[...reach.destinations, ...reach.openPatterns].join(', ')}). Subscribe to each of them, or give the events one first topic level.`,
      )
    }
    const local = this.#settings.sides().every((side) => side.local)
    const subscriber = toSubscriber(handler, options, {
      group,
      matches: reach.matches,
      retry,
      deadLetter,
      middleware: [...this.#middleware],
      nameless: local || broadcast ? () => 'handler' : undefined,
      defaultConcurrency: concurrency ?? defaults.concurrency,
      clock: clockOf(this.#settings),
      logger,
    })
    const name = this.#claimName(group, subscriber.name, options.name === undefined && (local || broadcast))
    const { order, from = 'now', signal } = options
    const { openPatterns, topics } = reach
    const registration: Registration = {
      subscriber: { ...subscriber, name },
      group,
      destinations: reach.destinations,
      topics,
      openPatterns,
      order,
      from,
      broadcast,
      demands: demandsOf(handler, options, subscriber),
    }
    this.#subscribed = true
    this.#waiting.add(registration)
    const report = (error: unknown): void =>
      this.#settings.logger?.error(`Subscription "${name}" could not be ended.`, { error: toError(error).message })
    const onAbort = (): void => void subscription.unsubscribe().catch(report)
    const subscription: BusSubscription = new BusSubscription({
      name,
      group,
      pattern: [...target.types, ...target.patterns, ...target.bareNames].join(', '),
      consumers: () => this.#settings.sides().flatMap((side) => side.consumers.consumersOf(registration)),
      end: () => {
        signal?.removeEventListener('abort', onAbort)
        return this.forget(registration)
      },
      report,
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    return { registration, subscription }
  }

  /** Ends it, also where only some of the sides had opened it. */
  async forget(registration: Registration): Promise<void> {
    this.#waiting.delete(registration)
    await Promise.all(this.#settings.sides().map((side) => side.consumers.remove(registration)))
    this.#names.delete(`${registration.group}\n${registration.subscriber.name}`)
  }

  #claimName(group: string, name: string, mayRename: boolean): string {
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? name : `${name}-${number}`
      const key = `${group}\n${candidate}`
      if (!this.#names.has(key)) {
        this.#names.add(key)
        return candidate
      }
      if (mayRename) continue
      throw new SubscriptionError(
        `Group "${group}" already has a handler "${name}" in this process. Its retries and dead letters are kept under its name: give this one another with { name: '…' }.`,
      )
    }
  }

  #checkNames({ bareNames }: ResolvedTarget): void {
    const strange = this.#settings.sides().some((side) => !side.local) ? bareNames[0] : undefined
    if (strange === undefined) return
    throw new SubscriptionError(
      `"${strange}" is no event type that is defined here. Define it (defineEvent('${strange}')), pass its class, or say that it is a topic: topic('${strange}').`,
    )
  }
}

function isSpec(target: Target | SubscriptionSpec<never>): target is SubscriptionSpec<never> {
  return typeof target === 'object' && target !== null && 'eventTypes' in target
}

/** In a spec, text is a type's name, whether or not it is defined here. */
function resolveTypes(eventTypes: readonly AnyTarget[]): ResolvedTarget {
  if (!Array.isArray(eventTypes) || eventTypes.length === 0)
    throw new SubscriptionError('eventTypes must be a list of event types that is not empty.')
  const named = eventTypes.filter((each) => typeof each === 'string').map((type) => modelOfReceivedType(type))
  const others = eventTypes.filter((each) => typeof each !== 'string')
  if (others.length === 0) return { models: named, types: named.map(({ type }) => type), patterns: [], bareNames: [] }
  const rest = resolveTarget(others)
  const models = [...named, ...rest.models]
  return { ...rest, models, types: models.map(({ type }) => type) }
}
