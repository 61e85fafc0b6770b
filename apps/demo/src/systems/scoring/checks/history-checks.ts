import { isDeepStrictEqual } from 'node:util'
import type { EventReplayService, SnapshotService } from '@interline/domain'
import type { EventOf, IEventStore, IStoredEvents } from 'interline'
import { type Check, check } from '../../../report/check.js'
import { AIResult, type AIResultState } from '../aggregates/ai-result.js'
import { PriceFeed } from '../aggregates/price-feed.js'
import { AIResultCompleted, type AIResultCreated, type AIResultFailed, PriceFeedUpdated } from '../events.js'
import type { ResultBoard } from '../handlers/result-board.js'
import { symbol } from '../market/trading-days.js'
import type { Repositories } from '../repositories.js'

type ResultEvent = EventOf<readonly [typeof AIResultCreated, typeof AIResultCompleted, typeof AIResultFailed]>

export interface History {
  readonly store: IEventStore & IStoredEvents
  readonly repositories: Repositories
  readonly replay: EventReplayService
  readonly snapshots: SnapshotService
  readonly board: ResultBoard
  readonly importedIds: ReadonlySet<string>
}

/** Whether what is loaded, shown and kept is what the events say, replayed from the first one. */
export async function historyChecks(history: History): Promise<readonly Check[]> {
  return [...(await resultChecks(history)), ...(await feedChecks(history))]
}

async function resultChecks({ store, repositories, replay, board, importedIds }: History): Promise<readonly Check[]> {
  const { results } = repositories
  const histories = await replayed(replay)
  let versions = 0
  const astray: string[] = []
  for (const [id, events] of histories) {
    for (let version = 1; version <= events.length; version++, versions++) {
      const { state } = await results.load(id, { version })
      if (!isDeepStrictEqual(state, AIResult.fold(events.slice(0, version)))) astray.push(`version ${version} of ${id}`)
    }
  }

  const at = await middleOf(store)
  const then = await replayed(replay, new Date(at.getTime() + 1))
  const travelled: string[] = []
  for (const [id, events] of then) {
    const { state } = await replay.timeTravel(results, id, at)
    if (isDeepStrictEqual(state, AIResult.fold(events))) travelled.push(id)
  }

  const shown = [...histories].filter(([id]) => !importedIds.has(id)).map(([id, events]) => [id, lineOf(AIResult.fold(events))] as const)
  return [
    check(
      `${histories.size} results are, as of each of their ${versions} versions, what a replay of their events gives`,
      astray.length === 0,
      astray.slice(0, 3).join(', '),
    ),
    check(
      `${then.size} of them are, as of the middle of the run, what a replay until then gives`,
      then.size > 0 && travelled.length === then.size,
      `${travelled.length} are`,
    ),
    check('the board shows what a replay gives', isDeepStrictEqual(board.lines, new Map(shown)), `it has ${board.lines.size} lines`),
  ]
}

async function feedChecks({ store, repositories, replay, snapshots }: History): Promise<readonly Check[]> {
  const stream = repositories.feeds.streamOf(symbol)
  const events: EventOf<typeof PriceFeedUpdated>[] = []
  await replay.replayInBatches(250, { types: [PriceFeedUpdated] }, (event: EventOf<typeof PriceFeedUpdated>) => events.push(event))
  let kept = 0
  let equal = 0
  let snapshot = await snapshots.find(stream, { schemaVersion: 1 })
  while (snapshot !== undefined) {
    kept++
    if (isDeepStrictEqual(snapshot.state, PriceFeed.fold(events.slice(0, snapshot.version)))) equal++
    snapshot = await snapshots.find(stream, { schemaVersion: 1, upTo: snapshot.version - 1 })
  }
  const { state } = await repositories.feeds.load(symbol)
  const byType = await replay.replayByType([AIResultCompleted], () => undefined)
  const byAggregate = await replay.replayByAggregate(PriceFeed.type, symbol, () => undefined)
  const completed = await completedIn(store)
  return [
    check(
      `${kept} snapshots of the price feed, and the feed that is loaded from them, equal a full replay of ${events.length} events`,
      kept > 0 === snapshots.due(0, events.length) && equal === kept && isDeepStrictEqual(state, PriceFeed.fold(events)),
      `${equal} of ${kept} do`,
    ),
    check(
      'replays by type, by aggregate and in batches hand over what is stored of it',
      byType.events === completed && byAggregate.events === events.length,
      `${byType.events} of ${completed} by type, ${byAggregate.events} of ${events.length} by aggregate`,
    ),
  ]
}

/** The events of every result. */
async function replayed(replay: EventReplayService, until?: Date): Promise<ReadonlyMap<string, readonly ResultEvent[]>> {
  const events = new Map<string, ResultEvent[]>()
  await replay.replay({ aggregateType: AIResult.type, until }, (event: ResultEvent) => {
    const id = event.metadata.aggregateId ?? ''
    events.set(id, [...(events.get(id) ?? []), event])
  })
  return events
}

async function middleOf(store: IEventStore): Promise<Date> {
  const times: number[] = []
  for await (const { recordedAt } of store.readAll({ aggregateType: AIResult.type })) times.push(recordedAt)
  return new Date(times[Math.floor(times.length / 2)] ?? 0)
}

async function completedIn(store: IEventStore): Promise<number> {
  let count = 0
  for await (const { message } of store.readAll()) if (message.attributes.type === AIResultCompleted.type) count++
  return count
}

function lineOf(state: AIResultState) {
  return { status: state.status, risk: state.status === 'completed' ? state.risk : undefined }
}
