import assert from 'node:assert/strict'
import type { DeadLetter, IDeadLetterStore } from '@interline/core'
import { range } from '../contract/events.js'
import { storedMessage } from './store-messages.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<IDeadLetterStore>

const base = Date.UTC(2024, 1, 29)

function letter(n: number, parts: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: `letter-${n}`,
    group: 'shop',
    handler: n % 2 === 0 ? 'even' : 'odd',
    destination: 'stored',
    topic: 'stored.things',
    eventType: 'interline.test.Stored',
    eventId: `event-${n}`,
    correlationId: `correlation-${n % 3}`,
    reason: 'exhausted',
    error: { name: 'TypeError', message: `No. ${n} – żółw`, stack: 'TypeError: at x' },
    attempts: 4,
    firstAttemptAt: base + n,
    deadAt: base + n * 1_000,
    message: storedMessage(n, n === 0 ? { data: Uint8Array.of(0, 255, 128) } : {}),
    ...parts,
  }
}

async function keptAsGiven(room: Room): Promise<void> {
  const store = await room.store()
  const given = [letter(0), letter(1, { correlationId: undefined, error: { name: 'Error', message: '' }, reason: 'rejected' })]
  await store.add(given)
  const { letters, next } = await (await room.store()).list()
  assert.equal(next, undefined)
  assert.equal(letters.length, 2)
  for (const [index, expected] of given.entries()) {
    const got = letters[index] ?? assert.fail()
    assert.deepEqual({ ...withoutData(got) }, { ...withoutData(expected) })
    assert.deepEqual(Buffer.from(got.message.data as string), Buffer.from(expected.message.data as string), 'the original, byte by byte')
  }
}

/** Without fields that are `undefined`, which a store may leave out. */
function withoutData({ message, ...rest }: DeadLetter): object {
  const { data: _compared, ...about } = message
  return JSON.parse(JSON.stringify({ ...rest, message: about })) as object
}

async function replaced(room: Room): Promise<void> {
  const store = await room.store()
  await store.add([letter(1)])
  await store.add([letter(1, { attempts: 9 }), letter(2)])
  assert.equal(await store.count(), 2, 'one whose id is there is replaced')
  const { letters } = await store.list({ ids: ['letter-1'] })
  assert.deepEqual(
    letters.map(({ attempts }) => attempts),
    [9],
  )
}

async function pages(room: Room): Promise<void> {
  const store = await room.store()
  await store.add(range(25).map((n) => letter(n)))
  const seen: string[] = []
  let after: string | undefined
  do {
    const page = await store.list({}, { limit: 10, after })
    assert.ok(page.letters.length <= 10)
    seen.push(...page.letters.map(({ id }) => id))
    // What is removed between two pages moves nothing.
    await store.remove(page.letters.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  assert.deepEqual(
    seen,
    range(25).map((n) => `letter-${n}`),
    'oldest first, none twice, none left out',
  )
  assert.equal(await store.count(), 0)
}

async function filters(room: Room): Promise<void> {
  const store = await room.store()
  await store.add([
    ...range(6).map((n) => letter(n)),
    letter(6, { group: 'mail', topic: 'mails.sent', eventType: 'MailSent', reason: 'invalid' }),
  ])
  const count = async (filter: Parameters<IDeadLetterStore['count']>[0]): Promise<number> => {
    const { letters } = await store.list(filter)
    assert.equal(await store.count(filter), letters.length, 'list and count agree')
    return letters.length
  }
  assert.equal(await count({}), 7)
  assert.equal(await count({ group: 'mail' }), 1)
  assert.equal(await count({ handler: 'odd' }), 3)
  assert.equal(await count({ topic: 'mails.sent' }), 1)
  assert.equal(await count({ eventType: 'interline.test.Stored' }), 6)
  assert.equal(await count({ correlationId: 'correlation-1' }), 2)
  assert.equal(await count({ reason: 'invalid' }), 1)
  assert.equal(await count({ ids: ['letter-2', 'letter-5', 'nobody'] }), 2)
  assert.equal(await count({ ids: [] }), 0)
  assert.equal(await count({ since: new Date(base + 5_000) }), 2)
  assert.equal(await count({ until: new Date(base + 5_000) }), 5)
  assert.equal(await count({ group: 'shop', handler: 'even', correlationId: 'correlation-0' }), 1)
}

async function removed(room: Room): Promise<void> {
  const store = await room.store()
  await store.add(range(3).map((n) => letter(n)))
  assert.equal(await store.remove(['letter-1', 'nobody']), 1, 'how many were there')
  assert.equal(await store.remove(['letter-1']), 0)
  assert.equal(await store.remove([]), 0)
  assert.equal(await store.count(), 2)
}

export const deadLetterStoreCases: readonly StoreCase<IDeadLetterStore>[] = [
  { id: 'D01', title: 'a dead letter is kept as it was given, the original byte by byte', run: keptAsGiven },
  { id: 'D02', title: 'the same id again replaces', run: replaced },
  { id: 'D03', title: 'pages, oldest first, also while letters are removed', run: pages },
  { id: 'D04', title: 'filters, each and combined', run: filters },
  { id: 'D05', title: 'removal answers how many were there', run: removed },
]
