import { Repository, SnapshotService } from '@interline/domain'
import { beforeAll, describe, expect, test } from 'vitest'
import { Account, Deposited, MoneyMoved, Opened, Wallet } from './account.js'
import { places, startEmbedded } from './places.js'

const quick = { maxAttempts: 60, backoff: { delayMs: 1, maxDelayMs: 20, jitter: 1 } }
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

function moved(wallet: Wallet, amount: number): number {
  wallet.move(amount)
  return wallet.version
}

function moveMany(wallet: Wallet, times: number, amount: number): void {
  for (let n = 0; n < times; n++) wallet.move(amount)
}

beforeAll(startEmbedded, 90_000)

describe.each(Object.entries(places))('a repository in %s', (_name, place) => {
  test('saves, loads, and says what it does not have', async () => {
    await using room = place()
    const accounts = new Repository(Account, { store: room.events() })
    const account = accounts.create('a-1')
    account.add(Opened({ owner: 'Ada' }), Deposited({ amount: 5 }))
    await accounts.save(account)
    await accounts.save(account)
    expect([account.version, account.changes.length]).toEqual([2, 0])
    const again = await accounts.load('a-1')
    expect([again.state, again.version]).toEqual([{ owner: 'Ada', balance: 5, deposits: 1 }, 2])
    again.add(Deposited({ amount: 2 }))
    await again.commit()
    expect((await accounts.load('a-1')).state.balance).toBe(7)
    expect(await accounts.find('nobody')).toBeUndefined()
    await expect(accounts.load('nobody')).rejects.toMatchObject({ code: 'INTERLINE_AGGREGATE_NOT_FOUND', id: 'nobody' })
    expect(await accounts.delete('a-1')).toBe(true)
    expect(await accounts.find('a-1')).toBeUndefined()
  })

  test('loses no update where two repositories write at once', async () => {
    await using room = place()
    const repositories = [room.events(), room.events()].map(
      (store) =>
        new Repository(Wallet, { store, retry: quick, snapshots: new SnapshotService(room.snapshots(), { intervalVersions: 10 }) }),
    )
    const results = await Promise.all(
      range(30).map((n) => (repositories[n % 2] as Repository<Wallet>).update('w-1', (wallet) => moved(wallet, n))),
    )
    expect([...results].sort((left, right) => left - right)).toEqual(range(30).map((n) => n + 1))
    for (const repository of repositories) expect((await repository.load('w-1')).balance).toBe(435)
  })

  test('shows what was, at a version and at a time', async () => {
    await using room = place()
    const store = room.events()
    const snapshots = new SnapshotService(room.snapshots(), { intervalVersions: 4, keep: 2 })
    const wallets = new Repository(Wallet, { store, snapshots })
    for (const n of range(12)) await wallets.update('w-2', (wallet) => wallet.move(n + 1))
    const recorded: number[] = []
    for await (const event of store.readStream(wallets.streamOf('w-2'))) recorded.push(event.recordedAt)
    for (const version of range(12).map((n) => n + 1)) {
      const past = await wallets.load('w-2', { version })
      expect([past.version, past.balance]).toEqual([version, (version * (version + 1)) / 2])
      const at = recorded[version - 1] as number
      const count = recorded.filter((time) => time <= at).length
      expect((await wallets.load('w-2', { at: new Date(at) })).balance).toBe((count * (count + 1)) / 2)
    }
    expect(await wallets.find('w-2', { at: new Date((recorded[0] as number) - 1) })).toBeUndefined()
    const past = await wallets.load('w-2', { version: 3 })
    past.move(1)
    await expect(past.commit()).rejects.toMatchObject({ code: 'INTERLINE_WRONG_EXPECTED_VERSION', expected: 3, actual: 12 })
  })

  test('begins from a snapshot, of which it applies only what came after', async () => {
    await using room = place()
    let applied = 0
    class Counting extends Wallet {
      override apply(event: MoneyMoved): void {
        applied++
        super.apply(event)
      }
    }
    const store = room.events()
    const wallets = new Repository(Counting, { store, snapshots: new SnapshotService(room.snapshots(), { intervalVersions: 100 }) })
    await wallets.update('w-3', (wallet) => moveMany(wallet, 1_000, 1))
    await wallets.update('w-3', (wallet) => moveMany(wallet, 7, 1))
    applied = 0
    const loaded = await wallets.load('w-3')
    expect([loaded.balance, loaded.version, applied]).toEqual([1_007, 1_007, 7])
  })

  test('is not taken in by a snapshot of a stream that was deleted and begun anew', async () => {
    await using room = place()
    const store = room.events()
    const problems: string[] = []
    const snapshots = new SnapshotService(room.snapshots(), {
      intervalVersions: 5,
      logger: { warn: () => undefined },
      onProblem: ({ reason }) => problems.push(reason),
    })
    const wallets = new Repository(Wallet, { store, snapshots })
    await wallets.update('w-4', (wallet) => moveMany(wallet, 5, 100))
    // Past the repository, so that the snapshots stay.
    await store.deleteStream(wallets.streamOf('w-4'))
    expect(await wallets.find('w-4')).toBeUndefined()
    await store.saveEvents(
      wallets.streamOf('w-4'),
      range(7).map(() => new MoneyMoved(1)),
      0,
    )
    expect((await wallets.load('w-4')).balance).toBe(7)
    expect(problems).toContain('stale')
  })
})
