import { type AnyEvent, defineEvent, type IEventStore, type ISnapshotStore, staticSchema, storedEventsOf } from '@interline/core'
import { defineAggregate, Repository, SnapshotService } from '@interline/domain'
import type { Contestant } from '../rounds.js'

const Deposited = defineEvent('bench.Deposited', { schema: staticSchema<{ amount: number; reference: string }>() })
const Account = defineAggregate('account', {
  events: [Deposited],
  initial: { balance: 0, deposits: 0, last: '' },
  evolve: ({ balance, deposits }, { data }) => ({ balance: balance + data.amount, deposits: deposits + 1, last: data.reference }),
})

const batchSize = 1_000
const short = 100
const long = 10_000
/** Half an interval after the last snapshot: what a load finds on average. */
const afterwards = 50

/** One aggregate, loaded again and again: a short one from its events, and a long one from its snapshot and what came after. */
export async function loaders(store: IEventStore, snapshotStore: ISnapshotStore): Promise<readonly Contestant[]> {
  const snapshots = new SnapshotService(snapshotStore, { intervalVersions: 100 })
  const plain = new Repository(Account, { store })
  const quick = new Repository(Account, { store, snapshots })
  await fill(store, plain.streamOf('short'), short)
  await fill(store, plain.streamOf('long'), long)
  await quick.load('long')
  await fill(store, plain.streamOf('long'), afterwards)
  const contestant = (name: string, repository: typeof plain, id: string, deposits: number): Contestant => ({
    name,
    async run(loads) {
      for (let load = 0; load < loads; load++) {
        const { state } = await repository.load(id)
        if (state.deposits !== deposits) throw new Error(`${deposits} deposits were made, and ${state.deposits} were loaded`)
      }
    },
  })
  return [
    contestant(`${short} events`, plain, 'short', short),
    contestant(`${long.toLocaleString('en')} events with a snapshot, and ${afterwards} after it`, quick, 'long', long + afterwards),
  ]
}

async function fill(store: IEventStore, stream: string, count: number): Promise<void> {
  for (let first = 0; first < count; first += batchSize) {
    const events: AnyEvent[] = Array.from({ length: Math.min(batchSize, count - first) }, (_, index) =>
      Deposited({ amount: 1, reference: `deposit ${first + index}` }),
    )
    await storedEventsOf(store).saveEvents(stream, events)
  }
}
