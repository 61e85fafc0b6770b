import { defineEvent, staticSchema } from '@interline/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { defineAggregate } from './define-aggregate.js'

const Opened = defineEvent('functional.Opened', { schema: staticSchema<{ owner: string }>() })
const Deposited = defineEvent('functional.Deposited', { schema: staticSchema<{ amount: number }>() })

type Command = { readonly do: 'open'; readonly owner: string } | { readonly do: 'deposit'; readonly amount: number }

const Account = defineAggregate('functional-account', {
  events: [Opened, Deposited],
  initial: { owner: '', balance: 0 },
  evolve: (state, event) => {
    switch (event.type) {
      case 'functional.Opened':
        return { ...state, owner: event.data.owner }
      case 'functional.Deposited':
        return { ...state, balance: state.balance + event.data.amount }
    }
  },
  decide: (command: Command, state) => {
    if (command.do === 'open') return state.owner === '' ? Opened({ owner: command.owner }) : undefined
    if (state.owner === '') throw new Error('open it first')
    return [Deposited({ amount: command.amount }), Deposited({ amount: 1 })]
  },
})

describe('an aggregate of functions', () => {
  test('decides what happens and evolves by it, with inferred types', () => {
    const account = Account.create('f-1')
    expectTypeOf(account.state).toEqualTypeOf<{ owner: string; balance: number }>()
    expect(account.execute({ do: 'open', owner: 'Ada' }).length).toBe(1)
    expect(account.execute({ do: 'open', owner: 'Bob' })).toEqual([])
    account.execute({ do: 'deposit', amount: 4 })
    account.add(Deposited({ amount: 2 }))
    expect(account.state).toEqual({ owner: 'Ada', balance: 7 })
    expect([account.version, account.aggregateType]).toEqual([4, 'functional-account'])
    expect(() => Account.create('f-2').execute({ do: 'deposit', amount: 1 })).toThrow('open it first')
  })

  test('folds events without a store', () => {
    expect(Account.fold([Opened({ owner: 'Ada' }), Deposited({ amount: 3 })])).toEqual({ owner: 'Ada', balance: 3 })
    expect(Account.create('x').state).not.toBe(Account.create('x').state)
  })

  test('adds all or nothing', () => {
    const Picky = defineAggregate('picky', {
      events: [Deposited],
      initial: 0,
      evolve: (sum, { data }) => {
        if (data.amount > 10) throw new RangeError('too much')
        return sum + data.amount
      },
    })
    const picky = Picky.create('p-1')
    expect(() => picky.add(Deposited({ amount: 1 }), Deposited({ amount: 11 }))).toThrow(RangeError)
    expect([picky.state, picky.version]).toEqual([0, 0])
    expect(() => picky.execute(0 as never)).toThrow('has no decide')
  })

  test('ignores events of types that it does not name, and counts them', () => {
    const account = Account.create('f-3')
    account.loadFromHistory([{ type: 'Foreign' } as never, Deposited({ amount: 3 })])
    expect([account.state.balance, account.version]).toEqual([3, 2])
  })

  test.each<[string, () => unknown, string]>([
    ['a type with a colon', () => defineAggregate('a:b', { events: [Opened], initial: 0, evolve: (state) => state }), 'colon'],
    ['no evolve', () => defineAggregate('a', { events: [Opened], initial: 0 } as never), 'evolve must be a function'],
    ['no events', () => defineAggregate('a', { events: [], initial: 0, evolve: (state) => state }), 'at least one event'],
    [
      'an unknown option',
      () => defineAggregate('a', { events: [Opened], initial: 0, evolve: (s: number) => s, on: 1 } as never),
      'no option "on"',
    ],
    [
      'no state',
      () => defineAggregate('a', { events: [Opened], initial: 0, evolve: () => undefined as never }).fold([Opened({ owner: '' })]),
      'gave nothing',
    ],
  ])('refuses %s', (_what, call, words) => {
    expect(call).toThrow(words)
  })
})
