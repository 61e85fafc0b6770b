import { DomainEvent, defineEvent, staticSchema } from '@interline/core'
import { MemoryEventStore } from '@interline/memory'
import { describe, expect, test } from 'vitest'
import { EventSourcedAggregate } from './event-sourced-aggregate.js'

class Deposited extends DomainEvent {
  static readonly eventType = 'aggregate.Deposited'
  readonly eventType = 'aggregate.Deposited'

  constructor(readonly amount: number) {
    super()
  }
}

const Closed = defineEvent('aggregate.Closed', { schema: staticSchema<{ by: string }>() })

class Account extends EventSourcedAggregate<Deposited | ReturnType<typeof Closed>> {
  static readonly aggregateType = 'account'
  balance = 0
  closedBy: string | undefined

  deposit(amount: number): void {
    this.addEvent(new Deposited(amount))
  }

  close(by: string): void {
    this.registerEvent(Closed({ by }))
  }

  apply(event: Deposited | ReturnType<typeof Closed>): void {
    if (event instanceof Deposited) {
      if (event.amount < 0) throw new RangeError('less than nothing')
      this.balance += event.amount
    } else this.closedBy = event.data.by
  }
}

describe('an event-sourced aggregate', () => {
  test('applies what it adds, counts its version, and commits what is not stored yet', async () => {
    const store = new MemoryEventStore()
    const account = new Account('a-1')
    account.deposit(5)
    account.deposit(7)
    account.close('Ada')
    expect([account.balance, account.closedBy, account.version, account.committedVersion]).toEqual([12, 'Ada', 3, 0])
    expect(account.changes.length).toBe(3)
    await account.commit(store)
    expect([account.changes.length, account.version, account.committedVersion]).toEqual([0, 3, 3])
    const again = new Account('a-1')
    again.loadFromHistory(await store.getEvents('account:a-1'))
    expect([again.balance, again.closedBy, again.version]).toEqual([12, 'Ada', 3])
  })

  test('gives its events its id and type, which are also what they are kept in order by', async () => {
    const store = new MemoryEventStore()
    const account = new Account('a-2')
    account.deposit(1)
    await account.commit(store)
    for await (const { message } of store.readStream('account:a-2')) {
      expect(message).toMatchObject({ key: 'a-2', attributes: { aggregateid: 'a-2', aggregatetype: 'account', subject: 'a-2' } })
    }
  })

  test('lets the second of two commits fail, which keeps its changes', async () => {
    const store = new MemoryEventStore()
    const [one, two] = [new Account('a-3'), new Account('a-3')]
    one.deposit(1)
    two.deposit(2)
    await one.commit(store)
    await expect(two.commit(store)).rejects.toMatchObject({ code: 'INTERLINE_WRONG_EXPECTED_VERSION', expected: 0, actual: 1 })
    expect(two.changes.length).toBe(1)
  })

  test('stores nothing twice when it is committed twice at the same time', async () => {
    const store = new MemoryEventStore()
    const account = new Account('a-4')
    account.deposit(1)
    const both = Promise.all([account.commit(store), account.commit(store)])
    account.deposit(2)
    await both
    await account.commit(store)
    expect((await store.getEvents<Deposited>('account:a-4')).map(({ amount }) => amount)).toEqual([1, 2])
  })

  test('has done nothing where applying fails', () => {
    const account = new Account('a-5')
    expect(() => account.deposit(-1)).toThrow(RangeError)
    expect([account.version, account.changes]).toEqual([0, []])
  })

  test('refuses what would be another one’s, and says where it may be committed', async () => {
    class Other extends EventSourcedAggregate<object> {
      register(event: object): void {
        this.registerEvent(event)
      }
      apply(): void {}
    }
    expect(() => new Other('o-1').register(Closed({ by: 'Bob' }, { aggregateId: 'o-2' }))).toThrow('"o-2" was registered by "o-1"')
    expect(() => new Other('')).toThrow('needs an id')
    await expect(new Other('o-1').commit()).rejects.toThrow('commit(store)')
    class Async extends Other {
      override async apply(): Promise<void> {}
    }
    expect(() => new Async('o-1').register({ type: 'X' })).toThrow('gave a promise')
  })
})
