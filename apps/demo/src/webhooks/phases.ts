import type { IEventBus } from 'interline'
import type { Consumers } from './consumers.js'
import { type DeadLetterStory, redriveDeadLetters } from './dead-letters.js'
import type { BusWatch } from './ledger/bus-watch.js'
import type { LedgerProgress } from './ledger/ledger.js'
import type { Plan } from './plan.js'
import { covers, type ProgressWatch } from './progress-watch.js'
import type { Publishing } from './publishing.js'

/** All that takes part in a run. */
export interface Course {
  readonly bus: IEventBus
  readonly plan: Plan
  readonly sent: Publishing
  readonly watch: BusWatch
  readonly progress: ProgressWatch
  readonly consumers: Consumers
  readonly interrupted: AbortSignal
  /** A store takes the events, and the broker gets them from there. */
  readonly stored: boolean
  /** The broker is in this process. */
  readonly local: boolean
}

/** A server far away is kept busy by more than a function call. */
const publishers = { local: 4, remote: 32 } as const
/** Events that may be published and not handled yet: the broker is no warehouse. */
const mostInFlight = { local: 8, remote: 512 } as const
/** Longer than a broker takes to hand a dead process's events to another. */
const patienceMs = 45_000
/** Longer than a second sending that was dropped takes to be counted. */
const shortPatienceMs = 5_000

/** Answers how long it took until everything was handled, but what was made to fail: its waits say nothing about the bus. */
export async function publishAndHandle(course: Course): Promise<number> {
  const { bus, plan, sent, watch, progress, interrupted, stored, local } = course
  const began = performance.now()
  await sent.run({
    bus,
    plan,
    stored,
    publishers: local ? publishers.local : publishers.remote,
    signal: interrupted,
    sending: (delivery) => watch.sending(delivery),
    room: roomFor(course),
  })
  const troubled = new Map([...poisoned(course), ['activity-feed', sent.deliveries.has(plan.shaky) ? 1 : 0]])
  await progress.until(({ handled }) => covers(handled, sent.owed, troubled), patienceMs)
  return performance.now() - began
}

export async function mendAndRedrive(course: Course): Promise<{ story: DeadLetterStory; deadLettersLeft: number }> {
  const { bus, sent, progress, consumers } = course
  const expected = poisoned(course)
  const died = async (): Promise<boolean> => (await bus.deadLetters.count()) >= (expected.get('security-audit') ?? 0)
  await progress.until(async ({ handled }) => covers(handled, sent.owed, expected) && (await died()), patienceMs)
  const story = await redriveDeadLetters(bus, consumers)
  await progress.until(({ handled }) => covers(handled, sent.owed), patienceMs)
  await progress.until(({ duplicates }) => covers(duplicates, sent.owedDuplicates), shortPatienceMs)
  return { story, deadLettersLeft: await bus.deadLetters.count() }
}

function poisoned({ plan, sent }: Course): Map<string, number> {
  return new Map([['security-audit', sent.deliveries.has(plan.poison) ? 1 : 0]])
}

/** Holds publishers back while too much is not handled. They all wait for one look at the ledger. */
function roomFor({ sent, progress, local }: Course): () => Promise<void> {
  const most = local ? mostInFlight.local : mostInFlight.remote
  const hasRoom = ({ handled }: LedgerProgress): boolean => [...sent.owed].every(([name, owed]) => owed - (handled.get(name) ?? 0) < most)
  let waiting: Promise<unknown> | undefined
  return async () => {
    if (hasRoom(progress.latest)) return
    waiting ??= progress.until(hasRoom, patienceMs).finally(() => {
      waiting = undefined
    })
    await waiting
  }
}
