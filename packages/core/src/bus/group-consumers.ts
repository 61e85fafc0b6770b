import { GroupEngine, type GroupSettings } from '../delivery/group-engine.js'
import { HeldKeys } from '../delivery/held-keys.js'
import { insist } from '../delivery/insist.js'
import type { LettersOfKeysSettings } from '../delivery/letters-of-keys.js'
import { Mutex } from '../delivery/mutex.js'
import { ParkedKeys } from '../delivery/parked-keys.js'
import { SubscriptionError, toError } from '../errors.js'
import type { Abortable, Awaitable } from '../ports/abortable.js'
import type { Consumer, StartPosition } from '../ports/broker.js'
import type { Timer } from '../ports/clock.js'
import type { IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { WireMessage } from '../ports/message.js'
import { matchesTopic } from '../wire/topic-pattern.js'
import type { ManagedBroker } from './managed-broker.js'
import type { Registration } from './registration.js'

export interface GroupConsumersSettings
  extends Pick<
    GroupSettings,
    | 'format'
    | 'clock'
    | 'hooks'
    | 'logger'
    | 'dedup'
    | 'deadLetters'
    | 'publish'
    | 'closing'
    | 'window'
    | 'firstAttempted'
    | 'parkAfterMs'
    | 'encryption'
  > {
  readonly broker: ManagedBroker
  /** Where keys that wait long for a retry go instead of the broker's own place. */
  readonly parking: IDeadLetterStore | undefined
  /** Sends what waits behind a dead event on its way, to its own group. */
  readonly republish: (messages: readonly WireMessage[]) => Awaitable<void>
  /** Deliveries of this origin are this process's own echo, for broadcast subscriptions. */
  readonly echoOf: string | undefined
  /** Told when an engine handles nothing more. */
  readonly ended: (engine: GroupEngine) => void
}

/** One broker consumer of this process, and the subscriptions that it serves. */
export interface GroupConsumer {
  readonly group: string
  readonly destination: string
  readonly engine: GroupEngine
  readonly registrations: Set<Registration>
  readonly order: 'key' | 'none'
  consumer: Consumer | undefined
}

// conformance asks that a destination which appears later is seen within five seconds
const discoveryIntervalMs = 1_000

/** The consumers of one broker: one for each group and destination, however many subscriptions they serve. */
export class GroupConsumers {
  readonly #settings: GroupConsumersSettings
  readonly #consumers = new Map<string, GroupConsumer>()
  readonly #open = new Set<Registration>()
  readonly #changing = new Mutex()
  readonly #known = new Set<string>()
  #discovery: Timer | undefined
  #closed = false

  constructor(settings: GroupConsumersSettings) {
    this.#settings = settings
  }

  get all(): readonly GroupConsumer[] {
    return [...this.#consumers.values()]
  }

  /** Whether a destination that nobody has seen yet could have subscribers. */
  isNews(destination: string): boolean {
    return this.#discovery !== undefined && !this.#known.has(destination)
  }

  /** Begins to consume for these. Where one of them is refused, none of them stays. */
  open(registrations: readonly Registration[], options?: Abortable): Promise<void> {
    return this.#changing.run(async () => {
      for (const registration of registrations) this.#open.add(registration)
      try {
        const { broker, deadLetters } = this.#settings
        for (const { demands } of registrations) broker.checkFailure(demands, deadLetters !== undefined)
        await this.#openAll(options)
      } catch (thrown) {
        for (const registration of registrations) await this.#remove(registration)
        throw thrown
      }
      if (registrations.some(({ openPatterns }) => openPatterns.length > 0)) this.#keepDiscovering()
    })
  }

  remove(registration: Registration): Promise<void> {
    return this.#changing.run(() => this.#remove(registration))
  }

  /** Sees to it that destinations which were only just made have their consumers. */
  discover(destinations: readonly string[]): Promise<void> {
    for (const destination of destinations) this.#known.add(destination)
    return this.#changing.run(() => this.#openAll())
  }

  consumersOf(registration: Registration): readonly Consumer[] {
    return this.all.flatMap(({ registrations, consumer }) => (consumer !== undefined && registrations.has(registration) ? [consumer] : []))
  }

  /** Takes no more, lets what runs finish, settles it and gives back the rest. */
  async drain(): Promise<void> {
    this.#closed = true
    this.#discovery?.cancel()
    await this.#changing.run(() => Promise.all(this.all.map((each) => this.#end(each))))
    this.#consumers.clear()
  }

  async #openAll(options?: Abortable): Promise<void> {
    if (this.#closed) return
    const opened = new Map<string, { group: string; destination: string; members: Registration[] }>()
    const existing = await this.#destinations(options)
    for (const registration of this.#open) {
      for (const destination of destinationsOf(registration, existing)) {
        const key = `${registration.group}\n${destination}`
        const entry = opened.get(key) ?? { group: registration.group, destination, members: [] }
        entry.members.push(registration)
        opened.set(key, entry)
      }
    }
    for (const [key, { group, destination, members }] of opened) {
      const consumer = this.#consumers.get(key)
      if (consumer === undefined) await this.#begin(key, group, destination, members, options)
      else await this.#join(consumer, members)
    }
  }

  async #destinations(options?: Abortable): Promise<readonly string[]> {
    if (![...this.#open].some(({ openPatterns }) => openPatterns.length > 0)) return []
    const { broker } = this.#settings
    const { inner, capabilities } = broker
    if (!capabilities.patterns || inner.listDestinations === undefined) {
      throw broker.unsupported('find destinations by a pattern', 'Subscribe to a pattern whose first level is fixed, such as orders.*')
    }
    for (const destination of await inner.listDestinations(options)) this.#known.add(destination)
    return [...this.#known]
  }

  async #begin(key: string, group: string, destination: string, members: readonly Registration[], options?: Abortable): Promise<void> {
    const { broker, echoOf, ended: _, republish: __, parking: ___, ...shared } = this.#settings
    const { capabilities } = broker
    const broadcast = members.some((member) => member.broadcast)
    const order = orderOf(members) ?? (capabilities.order === 'key' ? 'key' : 'none')
    const late = members.every((member) => !member.destinations.includes(destination)) && this.#discovery !== undefined
    const held = broadcast ? undefined : this.#heldKeys(group, destination)
    this.#checkKeepOrder(order === 'key' && !broadcast, held, members)
    const engine = new GroupEngine({
      ...shared,
      broker: broker.name,
      group,
      held,
      parking: order === 'key' && !broadcast ? this.#parkedKeys(group, destination) : undefined,
      broadcast,
      ordered: order === 'key',
      canRetry: capabilities.retry,
      keepsDeadLetters: shared.deadLetters !== undefined || capabilities.deadLetters !== 'none',
      echoOf: broadcast ? echoOf : undefined,
    })
    engine.subscribers = members.map(({ subscriber }) => subscriber)
    const entry: GroupConsumer = { group, destination, engine, registrations: new Set(members), order, consumer: undefined }
    const { window } = shared
    const source = {
      group,
      destination,
      topics: topicsOf(members),
      order,
      broadcast,
      window,
      from: late && capabilities.replay ? ('beginning' as const) : startOf(members, capabilities.replay),
    }
    this.#known.add(destination)
    this.#consumers.set(key, entry)
    try {
      entry.consumer = await broker.subscribe(source, engine.receive, options)
    } catch (thrown) {
      this.#consumers.delete(key)
      throw thrown
    }
  }

  /** Also where no handler keeps order: what a redrive sends may be of a time when one did. */
  #heldKeys(group: string, destination: string): HeldKeys | undefined {
    const { broker, deadLetters } = this.#settings
    const store = deadLetters ?? broker.inner.deadLetters
    if (store === undefined) return undefined
    return new HeldKeys(this.#lettersOfKeys(group, destination, store, 'What waits behind dead events can not be looked up'))
  }

  #parkedKeys(group: string, destination: string): ParkedKeys | undefined {
    const { broker, parking, clock } = this.#settings
    const { retry, delayedDelivery } = broker.capabilities
    const store = parking ?? broker.inner.parking?.(group, destination)
    if (store === undefined || !retry || !delayedDelivery) return undefined
    return new ParkedKeys({ ...this.#lettersOfKeys(group, destination, store, 'Keys that wait for a retry can not be kept'), clock })
  }

  #lettersOfKeys(group: string, destination: string, store: IDeadLetterStore, trouble: string): LettersOfKeysSettings {
    const { clock, closing, logger, republish: publish } = this.#settings
    const report = (error: Error): void => logger.error(`${trouble}; trying again.`, { error })
    return { group, destination, store, publish, insist: (call) => insist(call, { clock, closing, report }) }
  }

  /** Refuses where order behind dead letters is asked for and can't be kept. */
  #checkKeepOrder(ordered: boolean, held: HeldKeys | undefined, members: readonly Registration[]): void {
    if (!members.some(({ subscriber }) => subscriber.keepOrder)) return
    const { broker } = this.#settings
    if (!ordered) throw broker.unsupported('keep order behind a dead letter without order by key', `Give order: 'key' and no broadcast`)
    if (held === undefined)
      throw broker.unsupported('keep order behind a dead letter that it can not look up', 'Configure a dead-letter store (deadLetters)')
  }

  async #join(entry: GroupConsumer, members: readonly Registration[]): Promise<void> {
    const newcomers = members.filter((member) => !entry.registrations.has(member))
    if (newcomers.length === 0) return
    for (const { order, subscriber } of newcomers) {
      if (order === undefined || order === entry.order) continue
      throw new SubscriptionError(
        `Group "${entry.group}" already consumes "${entry.destination}" with order: '${entry.order}', and handler "${subscriber.name}" asks for '${order}'. Give it a group of its own.`,
      )
    }
    this.#checkKeepOrder(entry.engine.ordered && !entry.engine.broadcast, entry.engine.held, newcomers)
    for (const member of newcomers) entry.registrations.add(member)
    await this.#retarget(entry)
  }

  async #remove(registration: Registration): Promise<void> {
    this.#open.delete(registration)
    for (const [key, entry] of this.#consumers) {
      if (!entry.registrations.delete(registration)) continue
      if (entry.registrations.size > 0) {
        await this.#retarget(entry)
        continue
      }
      await this.#end(entry)
      this.#consumers.delete(key)
    }
  }

  async #retarget({ engine, consumer, registrations }: GroupConsumer): Promise<void> {
    const members = [...registrations]
    engine.subscribers = members.map(({ subscriber }) => subscriber)
    await this.#settings.broker.quietly(() => consumer?.setTopics?.(topicsOf(members)))
  }

  async #end({ engine, consumer }: GroupConsumer): Promise<void> {
    const { broker, ended } = this.#settings
    // a broker may take its time to hear of it, and nothing begins meanwhile
    await Promise.all([broker.quietly(() => consumer?.stop()), engine.drain()])
    ended(engine)
    await broker.quietly(() => consumer?.close())
  }

  #keepDiscovering(): void {
    if (this.#discovery !== undefined || this.#closed) return
    const look = async (): Promise<void> => {
      try {
        await this.#changing.run(() => this.#openAll())
      } catch (thrown) {
        this.#settings.logger.warn('Could not look for new destinations; trying again.', { error: toError(thrown).message })
      }
      if (!this.#closed) this.#discovery = later()
    }
    const later = (): Timer => this.#settings.clock.setTimer(() => void look(), discoveryIntervalMs, { background: true })
    this.#discovery = later()
  }
}

function destinationsOf(registration: Registration, existing: readonly string[]): readonly string[] {
  if (registration.openPatterns.length === 0) return registration.destinations
  const found = existing.filter((destination) => registration.openPatterns.some((pattern) => mayCarry(destination, pattern)))
  return [...new Set([...registration.destinations, ...found])]
}

/** Whether topics of a pattern may come from a destination: one named after a topic, or after a topic's first level. */
function mayCarry(destination: string, pattern: string): boolean {
  const [first] = pattern.split('.')
  return matchesTopic(pattern, destination) || first === '*' || first === '>' || first === destination
}

function topicsOf(members: readonly Registration[]): readonly string[] {
  return [...new Set(members.flatMap(({ topics }) => topics))]
}

function orderOf(members: readonly Registration[]): 'key' | 'none' | undefined {
  const wanted = new Set(members.map(({ order }) => order))
  if (wanted.has('key')) return 'key'
  return wanted.has('none') ? 'none' : undefined
}

/** The earliest that anyone of the group asks for. */
function startOf(members: readonly Registration[], replay: boolean): StartPosition {
  const wanted = members.map(({ from }) => (from !== 'earliest' ? from : replay ? 'beginning' : 'now'))
  if (wanted.includes('beginning')) return 'beginning'
  const dates = wanted.filter((from): from is Date => from instanceof Date).sort((left, right) => left.getTime() - right.getTime())
  return dates[0] ?? 'now'
}
