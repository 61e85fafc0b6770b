/** One thing to time: how many events a second it carries. */
export interface Contestant {
  readonly name: string
  /** What has to be there before; not timed. */
  prepare?(events: number): Promise<void>
  /** Carries this many events; resolves when all have arrived. */
  run(events: number): Promise<void>
  /** Throws where events were lost, or came more than once; not timed. */
  check?(events: number): Promise<void> | void
  close?(): Promise<void>
}

export interface Result {
  readonly name: string
  /** This one's rate divided by the first one's, the median of the rounds' own ratios. */
  readonly ratio: number
  /** The median of the rounds. */
  readonly eventsPerSecond: number
  /** Of this process, without the server's; the median of the rounds. */
  readonly cpuMicrosPerEvent: number
  /** That, divided by the first one's, the median of the rounds' own ratios. */
  readonly cpuRatio: number
}

export interface Table {
  readonly title: string
  readonly results: readonly Result[]
}

export interface Rounds {
  readonly events: number
  readonly rounds: number
}

interface Timed {
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
}

/**
 * Times contestants in turn, round by round, so that a machine that slows down slows down all of them; ratios are taken within a round.
 * Each has run before the first round.
 */
export async function compare(title: string, contestants: readonly Contestant[], { events, rounds }: Rounds): Promise<Table> {
  const timed = contestants.map((): Timed[] => [])
  try {
    for (const contestant of contestants) await time(contestant, Math.ceil(events / 4))
    for (let round = 0; round < rounds; round++) {
      for (const [index, contestant] of contestants.entries()) timed[index]?.push(await time(contestant, events))
    }
  } finally {
    for (const contestant of contestants) await contestant.close?.()
  }
  const [first = []] = timed
  const results = contestants.map(({ name }, index) => {
    const own = timed[index] as Timed[]
    return {
      name,
      ratio: median(own.map(({ eventsPerSecond }, round) => eventsPerSecond / (first[round] as Timed).eventsPerSecond)),
      eventsPerSecond: median(own.map(({ eventsPerSecond }) => eventsPerSecond)),
      cpuMicrosPerEvent: median(own.map(({ cpuMicrosPerEvent }) => cpuMicrosPerEvent)),
      cpuRatio: median(own.map(({ cpuMicrosPerEvent }, round) => cpuMicrosPerEvent / (first[round] as Timed).cpuMicrosPerEvent)),
    }
  })
  return { title, results }
}

async function time(contestant: Contestant, events: number): Promise<Timed> {
  await contestant.prepare?.(events)
  const cpu = process.cpuUsage()
  const began = performance.now()
  await contestant.run(events)
  const eventsPerSecond = (events / (performance.now() - began)) * 1_000
  const { user, system } = process.cpuUsage(cpu)
  await contestant.check?.(events)
  return { eventsPerSecond, cpuMicrosPerEvent: (user + system) / events }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
