import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { DriverError, type KafkaClient, type OutgoingRecord } from './drivers/driver.js'
import { Names } from './names.js'
import { Publisher } from './publisher.js'
import type { Topics } from './topics.js'

interface Bench {
  readonly publisher: Publisher
  /** The values of each request, in order. */
  readonly sent: string[][]
}

/** A publisher whose requests go one after the other as they are told. */
function bench(...answers: ((records: readonly OutgoingRecord[]) => void)[]): Bench {
  const sent: string[][] = []
  const produce = async (records: readonly OutgoingRecord[]): Promise<void> => {
    sent.push(records.map(({ value }) => String(value)))
    answers[sent.length - 1]?.(records)
  }
  const topics = { knows: () => true, forget: () => undefined, ensure: async () => 1 } as unknown as Topics
  const publisher = new Publisher({ produce } as KafkaClient, topics, new Names(''), () => undefined, 200)
  return { publisher, sent }
}

const publish = ({ publisher }: Bench, ...values: readonly string[]): Promise<unknown> =>
  publisher
    .publish(
      values.map((data) => ({
        destination: 'orders',
        topic: 'orders',
        key: undefined,
        attributes: { id: data.slice(0, 9), type: 'T' },
        data,
      })),
      undefined,
    )
    .catch((error: unknown) => error)

const fails =
  (kind: 'temporary' | 'too-large', stored: readonly string[], sent = false) =>
  (records: readonly OutgoingRecord[]): void => {
    throw new DriverError(kind, 'no', { sent, stored: records.filter(({ value }) => stored.includes(String(value))) })
  }

test('what is stored is not sent again with the rest of its batch, and whoever waits for it alone waits no longer', async () => {
  const all = bench(fails('temporary', ['a', 'c']))
  const settled: string[] = []
  await Promise.all([
    publish(all, 'a').then(() => settled.push('a')),
    publish(all, 'b', 'c').then(() => settled.push('b c')),
    publish(all, 'd').then(() => settled.push('d')),
  ])
  expect(all.sent).toEqual([
    ['a', 'b', 'c', 'd'],
    ['b', 'd'],
  ])
  expect(settled).toEqual(['a', 'b c', 'd'])
})

test('one that is too large is refused alone, and those beside it are not sent again where they were stored with it', async () => {
  const all = bench(fails('too-large', ['a']), fails('too-large', []))
  const results = await Promise.all([publish(all, 'a'), publish(all, 'b'), publish(all, 'c')])
  expect(all.sent).toEqual([['a', 'b', 'c'], ['b'], ['c']])
  expect(results).toMatchObject([undefined, { code: 'INTERLINE_EVENT_TOO_LARGE' }, undefined])
})

test('within one call, what is too large is found, named by its indexes, and the others are stored', async () => {
  const isLarge = (records: readonly OutgoingRecord[]): void => {
    if (records.some(({ value }) => String(value).startsWith('large'))) throw new DriverError('too-large', 'no')
  }
  const all = bench(...Array.from({ length: 50 }, () => isLarge))
  const error = await publish(all, 'a', 'b', 'large 1', 'c', 'd', 'e', 'large 2')
  expect(error).toMatchObject({
    code: 'INTERLINE_PUBLISH',
    failed: [2, 6],
    outcome: 'failed',
    cause: { code: 'INTERLINE_EVENT_TOO_LARGE' },
  })
  expect(all.sent.filter((values) => values.every((value) => !value.startsWith('large'))).flat()).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('what is left of a batch that is given up is named, with what may have become of it', async () => {
  const never = Array.from({ length: 50 }, () => fails('temporary', []))
  expect(await publish(bench(fails('temporary', ['a']), ...never), 'a', 'b')).toMatchObject({ failed: [1], outcome: 'failed' })
  expect(await publish(bench(...never), 'a', 'b')).toMatchObject({ failed: undefined, outcome: 'failed' })
  expect(await publish(bench(fails('temporary', [], true), ...never), 'a')).toMatchObject({ outcome: 'unknown' })
  expect(await publish(bench(fails('temporary', ['b'], true), ...never), 'a', 'b')).toMatchObject({ failed: [0], outcome: 'unknown' })
})

test('a call that is larger than a request goes on behind what is stored of it', async () => {
  const values = Array.from({ length: 2_500 }, (_, n) => String(n))
  const all = bench(() => undefined, fails('temporary', []))
  expect(await publish(all, ...values)).toBeUndefined()
  expect(all.sent.map(({ length }) => length)).toEqual([1_000, 1_000, 1_000, 500])
  expect([...(all.sent[0] ?? []), ...all.sent.slice(2).flat()]).toEqual(values)
})

test('requests are bounded by bytes too, however many characters they are written with', async () => {
  const values = Array.from({ length: 10 }, (_, n) => `${n}${'ż'.repeat(100_000)}`)
  const all = bench()
  expect(await publish(all, ...values)).toBeUndefined()
  expect(all.sent.map((each) => each.map((value) => Number(value[0])))).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ])
})

test('what is published while a topic is made does not overtake what waits for that, and goes on where it has no topic with it', async () => {
  const sent: string[] = []
  const known = new Set<string>()
  const makings = new Map<string, () => void>()
  const topics = {
    knows: (topic: string) => known.has(topic),
    ensure: (topic: string) => new Promise<void>((resolve) => makings.set(topic, () => resolve(void known.add(topic)))),
  } as unknown as Topics
  const produce = async (records: readonly OutgoingRecord[]): Promise<void> => void sent.push(...records.map(({ value }) => String(value)))
  const publisher = new Publisher({ produce } as KafkaClient, topics, new Names(''), () => undefined, 200)
  const publishTo = (...destinations: readonly string[]): Promise<void> =>
    publisher.publish(
      destinations.map((destination) => ({ destination, topic: 'x', key: 'k', attributes: {}, data: `${destination} ${++count}` })),
      undefined,
    )
  let count = 0
  const made = async (topic: string): Promise<void> => {
    await waitFor(() => makings.has(topic), { what: topic })
    makings.get(topic)?.()
  }
  for (const each of ['other', 'alone']) known.add(each)
  const first = publishTo('orders', 'mails')
  await made('orders')
  await waitFor(() => makings.has('mails'))
  const second = publishTo('orders')
  const third = publishTo('orders', 'other')
  await publishTo('alone')
  expect(sent).toEqual(['alone 6'])
  await made('mails')
  await Promise.all([first, second, third])
  expect(sent).toEqual(['alone 6', 'orders 1', 'mails 2', 'orders 3', 'orders 4', 'other 5'])
})
