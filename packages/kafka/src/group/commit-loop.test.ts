import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { type CommittedOffset, DriverError, type KafkaClient } from '../drivers/driver.js'
import { CommitLoop } from './commit-loop.js'
import type { Membership } from './membership.js'
import { PartitionLog } from './partition-log.js'

interface Commit {
  readonly partitions: readonly number[]
  done(error?: Error): void
}

/** A loop whose commits are answered when the test says so. */
function bench(): { readonly loop: CommitLoop; readonly logs: PartitionLog[]; commit(): Promise<Commit> } {
  const commits: Commit[] = []
  const logs = [0, 1].map((partition) => new PartitionLog({ topic: 'orders', partition, offset: 0, metadata: '' }))
  const client = {
    commit: (_group: string, _member: unknown, offsets: readonly CommittedOffset[]) =>
      new Promise<void>((resolve, reject) => {
        const partitions = offsets.map(({ partition }) => partition)
        commits.push({ partitions, done: (error) => (error === undefined ? resolve() : reject(error)) })
      }),
  } as unknown as KafkaClient
  const membership = { member: { id: 'm', generation: 1 }, refused: () => undefined } as unknown as Membership
  const loop = new CommitLoop({
    client,
    group: 'g',
    membership,
    intervalMs: 1,
    logs: () => logs,
    committed: () => undefined,
    failed: () => undefined,
  })
  loop.start()
  const commit = async (): Promise<Commit> => {
    await waitFor(() => commits.length > 0, { what: 'a commit' })
    return commits.shift() as Commit
  }
  return { loop, logs, commit }
}

test('whoever waits for a partition that is lost while its commit is refused hears that it was not committed', async () => {
  const { loop, logs, commit } = bench()
  const [first, second] = logs as [PartitionLog, PartitionLog]
  const answer = loop.committed(first)
  const refused = await commit()
  loop.lost([first])
  logs.shift()
  refused.done(new DriverError('fenced', 'no member'))
  second.touch()
  loop.wake()
  const next = await commit()
  expect(next.partitions).toEqual([1])
  next.done()
  expect(await answer).toBe(false)
  await loop.stop()
})

test('whoever waits for a partition whose last commit is said elsewhere is not answered by the commit of another', async () => {
  const { loop, logs, commit } = bench()
  const [first, second] = logs as [PartitionLog, PartitionLog]
  logs.shift()
  const answer = loop.committed(first)
  second.touch()
  loop.wake()
  const other = await commit()
  expect(other.partitions).toEqual([1])
  other.done()
  const otherAnswer = loop.committed(second)
  ;(await commit()).done()
  expect(await otherAnswer).toBe(true)
  loop.lost([first])
  expect(await answer).toBe(false)
  await loop.stop()
})
