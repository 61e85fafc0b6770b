import { type Consumer, pause, type Receive, type Source, toError } from '@interline/core'
import type { BrokerContext } from '../context.js'
import { isDriverError, type KafkaClient } from '../drivers/driver.js'
import { PartitionWatch } from '../partition-watch.js'
import { CommitLoop } from './commit-loop.js'
import { Fetcher } from './fetcher.js'
import { GroupPartitions } from './group-partitions.js'
import { Intake } from './intake.js'
import { Membership, type MembershipListener } from './membership.js'
import type { OwnedPartition } from './owned-partition.js'
import { createGroup, Ownership } from './ownership.js'
import { Settlement } from './settlement.js'

/** How long a consumer that was stopped keeps what it does not need before it tells the group; most are closed at once. */
const retireAfterMs = 150
/** How long a partition without order waits for what runs before that is handed off. */
const handOffAfterMs = 500
const lastWordLimitMs = 3_000

/**
 * One consumer of one group at one destination, and of what comes again for that group. Its work in hand is bound to partitions that it
 * owns; what it does with an error is to wait a little, and go on: only `stop` ends it.
 */
export class GroupConsumer implements Consumer, MembershipListener {
  readonly group: string
  readonly destination: string
  leaving = false
  readonly #context: BrokerContext
  readonly #source: Source
  readonly #topics: readonly [string, string]
  readonly #client: KafkaClient
  readonly #ownership: Ownership
  readonly #membership: Membership
  readonly #commits: CommitLoop
  readonly #settlement: Settlement
  readonly #intake: Intake
  readonly #fetcher: Fetcher
  readonly #watch: PartitionWatch
  readonly #partitions: GroupPartitions
  readonly #ended = new AbortController()
  #stopped: Promise<void> | undefined
  #failing: string | undefined
  #rejoining: ReturnType<typeof setTimeout> | undefined
  #retiring: ReturnType<typeof setTimeout> | undefined

  constructor(context: BrokerContext, source: Source, receive: Receive) {
    this.#context = context
    this.#source = source
    this.group = source.group
    this.destination = source.destination
    const { names, options, driver } = context
    const topics = [names.topic(source.destination), names.retryTopic(source.group, source.destination)] as const
    const group = names.group(source.group, source.destination)
    const client = driver()
    const { sessionTimeoutMs, heartbeatIntervalMs, maxWaitTimeInMs: maxWaitMs, maxFetchBytes: maxBytes } = options
    this.#topics = topics
    this.#client = client
    this.#ownership = new Ownership(context, client, source, topics)
    this.#membership = new Membership(client, { group, topics, sessionTimeoutMs, heartbeatIntervalMs }, this)
    this.#commits = new CommitLoop({
      client,
      group,
      membership: this.#membership,
      intervalMs: options.commitIntervalMs,
      logs: () => this.#ownership.logs(),
      committed: () => this.#intake.wake(),
      failed: (error) => this.failed(error),
    })
    this.#settlement = new Settlement(context, source, this.#commits, ({ owned }) => this.#lessInHand(owned))
    this.#intake = new Intake({
      context,
      source,
      receive,
      client,
      ownership: this.#ownership,
      commits: this.#commits,
      settlement: this.#settlement,
      failed: (error) => this.failed(error),
      recovered: () => this.#recovered(),
      reload: (partitions) => this.#reload(partitions),
    })
    this.#fetcher = new Fetcher(client, { maxWaitMs, maxBytes }, this.#intake)
    this.#partitions = new GroupPartitions(context, client, topics)
    this.#watch = new PartitionWatch(client, topics[0], options.metadataMaxAgeMs)
  }

  /** Resolves when the group takes part in what is published from now on. */
  async start(): Promise<void> {
    const isNew = await createGroup(this.#context, this.#source, this.#topics)
    this.#membership.start()
    this.#commits.start()
    this.#fetcher.start()
    this.#watch.start(
      (count) => {
        if (this.#membership.leads && count !== this.#partitions.divided) this.#membership.rejoin()
      },
      (error) => this.failed(error),
    )
    // a member keeps others from giving the new group another beginning
    if (isNew) await this.#membership.joined()
  }

  get unsettled(): number {
    return this.#settlement.unsettled
  }

  get delayed(): number {
    return this.#intake.delayed
  }

  /** Why it does not get on, in words; `undefined` where it does. */
  get trouble(): string | undefined {
    return this.#ownership.all.find(({ blocked }) => blocked !== undefined)?.blocked ?? this.#failing
  }

  pause(): void {
    this.#intake.paused = true
  }

  resume(): void {
    this.#intake.paused = false
    this.#fetcher.wake()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.leaving = true
    this.#watch.stop()
    this.#intake.stop()
    await this.#fetcher.stop()
    this.#retireSoon()
  }

  async close(): Promise<void> {
    await this.stop()
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    clearTimeout(this.#rejoining)
    clearTimeout(this.#retiring)
    await this.#commits.stop()
    try {
      await this.#settlement.close()
      // also while the group is divided anew: the last word is said in the next generation. Where Kafka is away there is nobody to say it to.
      const isHeard = this.#membership.member !== undefined || this.#failing === undefined
      if (isHeard) await this.#commits.final(this.#ownership.all, lastWordLimitMs)
      for (const owned of this.#ownership.all) this.#lose(owned)
      await this.#membership.stop()
    } catch (error) {
      const detail = 'A consumer could not leave its group; others wait until its session is over.'
      this.#context.report({ kind: 'warning', detail, error: toError(error) })
    }
    await this.#client.close()
  }

  owned(): readonly number[] {
    return this.#ownership.numbers
  }

  partitionCount(): Promise<number> {
    return this.#partitions.count()
  }

  assigned(partitions: readonly number[], surplus: readonly number[]): void {
    this.#recovered()
    for (const owned of this.#ownership.all) if (!partitions.includes(owned.number)) this.#lose(owned)
    const added = partitions.filter((number) => this.#ownership.get(number) === undefined).map((number) => this.#ownership.add(number))
    if (added.length > 0) void this.#load(added)
    for (const number of surplus) {
      const owned = this.#ownership.get(number)
      if (owned?.isReading === true) void this.#surrender(owned)
    }
    this.#commits.wake()
  }

  fenced(): void {
    for (const owned of this.#ownership.all) this.#lose(owned)
  }

  failed(error: Error): void {
    if (this.#ended.signal.aborted) return
    if (this.#failing === undefined) {
      this.#context.report({ kind: 'disconnected', detail: `The consumer of group "${this.group}" waits for Kafka.`, error })
    }
    this.#failing = error.message
  }

  #recovered(): void {
    if (this.#failing === undefined) return
    this.#failing = undefined
    this.#context.report({ kind: 'connected', detail: `The consumer of group "${this.group}" is back.` })
  }

  async #load(added: readonly OwnedPartition[]): Promise<void> {
    let left = added
    while (!this.#ended.signal.aborted && left.some(({ gone }) => !gone)) {
      try {
        left = await this.#ownership.load(left)
        this.#commits.wake()
        this.#fetcher.wake()
        // partitions that were only just made: what this client knows is from before
        if (left.length > 0) for (const topic of this.#topics) await this.#client.partitionCount(topic)
      } catch (error) {
        if (isDriverError(error, 'unknown-topic')) await this.#provide().catch((again: unknown) => this.failed(toError(again)))
        else this.failed(toError(error))
      }
      if (left.length > 0) await pause(100)
    }
  }

  async #reload(partitions: readonly OwnedPartition[]): Promise<void> {
    await this.#provide()
    const again = partitions.map((owned) => {
      this.#lose(owned)
      return this.#ownership.add(owned.number)
    })
    await this.#load(again)
  }

  /** The topics, where they were deleted. */
  async #provide(): Promise<void> {
    const { topics } = this.#context
    const [main, retry] = this.#topics
    topics.forget(main)
    topics.forget(retry)
    await topics.ensureOwn(retry, await topics.ensure(main))
  }

  /** Gives it up in good order: nothing of it is begun any more, what runs may finish, and the next owner learns how it stands. */
  async #surrender(owned: OwnedPartition): Promise<void> {
    owned.leaving.abort()
    this.#intake.wake()
    this.#intake.letGo((delivery) => delivery.owned === owned)
    const isOrdered = this.#source.order === 'key'
    const until = performance.now() + (isOrdered ? this.#context.options.handOverTimeoutMs : handOffAfterMs)
    while (owned.inHand > 0 && !owned.gone && performance.now() < until) await pause(5)
    if (!isOrdered) await this.#settlement.handOff([...owned.handed])
    await this.#giveUp([owned])
  }

  async #giveUp(partitions: readonly OwnedPartition[]): Promise<void> {
    const mine = partitions.filter(({ gone }) => !gone)
    if (mine.length === 0 || this.#ended.signal.aborted) return
    for (const owned of mine) {
      owned.leaving.abort()
      owned.closing = true
    }
    await this.#commits.final(mine, lastWordLimitMs)
    for (const owned of mine) this.#lose(owned)
    this.#rejoining ??= setTimeout(() => {
      this.#rejoining = undefined
      this.#membership.rejoin()
    }, 5)
  }

  #retireSoon(): void {
    this.#retiring ??= setTimeout(() => {
      this.#retiring = undefined
      void this.#retire()
    }, retireAfterMs)
  }

  /** A consumer that was stopped keeps only what its handlers are busy with; where there is no order, not even that. */
  async #retire(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const owned = this.#ownership.all
    if (this.#source.order === 'none') await this.#settlement.handOff(owned.flatMap(({ handed }) => [...handed]))
    await this.#giveUp(owned.filter(({ inHand }) => inHand === 0))
  }

  #lessInHand(owned: OwnedPartition): void {
    if (this.leaving && owned.inHand === 0 && !this.#ended.signal.aborted) this.#retireSoon()
  }

  /** What is held for another owner is run to its end here; everything else of it is lost. */
  #lose(owned: OwnedPartition): void {
    if (owned.gone) return
    owned.gone = true
    this.#ownership.remove(owned)
    this.#intake.letGo((delivery) => delivery.owned === owned)
    const isHandedOff = owned.inHand === 0
    if (!isHandedOff) owned.lost.abort()
    if (!isHandedOff) for (const delivery of owned.handed) this.#settlement.end(delivery)
    owned.leaving.abort()
    this.#commits.lost(owned.logs)
    this.#intake.wake()
  }
}
