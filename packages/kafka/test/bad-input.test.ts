import type { Delivery } from '@interline/core'
import type { KafkaOptions } from '@interline/kafka'
import { freePort, startKafka, waitFor } from '@interline/testing'
import { Producer } from '@platformatic/kafka'
import { ConfigResourceTypes, type Message, Partitioners } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { loadDriver } from '../src/drivers/load-driver.js'
import { resolveOptions } from '../src/kafka-options.js'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { brokerOf, brokers, login, makeTopics, plainKafka, withAdmin } from './kafka-server.js'

async function send(topic: string, messages: Message[]): Promise<void> {
  const producer = plainKafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, messages })
  await producer.disconnect()
}

const event = { ce_id: '1', ce_type: 'Pinged', ce_source: '/else', ce_specversion: '1.0' }

describe.each(['kafkajs', 'platformatic'] as const)('by %s', (driver) => {
  const room = (): BrokerRoom => new BrokerRoom()
  const opened = (own: BrokerRoom, options: KafkaOptions = {}): ReturnType<BrokerRoom['broker']> => own.broker({ driver, ...options })

  describe('servers', () => {
    test('a list of them with one that is not there is enough', async () => {
      await using own = room()
      const broker = await opened(own, { brokers: [`127.0.0.1:${await freePort()}`, ...brokers] })
      const got: number[] = []
      await own.consume(broker, {}, (delivery) => got.push(numberOf(delivery)))
      await broker.publish([message(1)])
      await waitFor(() => got.length === 1)
    })

    test('a login that the server does not take is refused with what to check, and without its secret', async () => {
      await using server = await startKafka({ login })
      const sasl = { username: login.username, password: 'wrong-battery' }
      for (const mechanism of ['plain', 'scram-sha-256', 'nonsense']) {
        const broker = brokerOf('it-login', { driver, brokers: server.brokers, sasl: { ...sasl, mechanism } })
        const error = await Promise.resolve(broker.connect({ clock: undefined as never, report: () => undefined })).catch(
          (thrown: Error) => thrown,
        )
        expect(error, mechanism).toMatchObject({ code: 'INTERLINE_CONNECTION' })
        expect(String((error as Error).message), mechanism).toMatch(/login.*sasl\.mechanism/)
        expect(JSON.stringify([(error as Error).message, (error as Error).stack])).not.toContain('wrong-battery')
        await broker.close()
      }
    }, 120_000)
  })

  describe('what disappears', () => {
    test('a topic that is deleted while it is read is made again, the loss told, and the group goes on', async () => {
      await using own = room()
      const broker = await opened(own, { partitions: 1 })
      const got: number[] = []
      await own.consume(broker, {}, (delivery) => {
        got.push(numberOf(delivery))
        return delivery.ack()
      })
      await broker.publish([message(1), message(2), message(3)])
      await waitFor(async () => got.length === 3 && (await broker.getMetrics()).lag === 0)
      await withAdmin((admin) => admin.deleteTopics({ topics: [own.topic] }))
      await waitFor(() => own.losses().length > 0, { what: 'the loss event', limitMs: 15_000 })
      await broker.publish([message(4)])
      await waitFor(() => got.includes(4), { what: 'the group to go on', limitMs: 15_000 })
      expect(own.losses()[0]).toMatchObject({ group: 'group', destination: 'orders' })
    }, 40_000)

    test(`a group that is deleted while it is read is made again from the beginning, the loss of its position told, and goes on`, async () => {
      await using own = room()
      const broker = await opened(own, { partitions: 1, heartbeatIntervalMs: 500 })
      const got: number[] = []
      await own.consume(broker, {}, (delivery) => {
        got.push(numberOf(delivery))
        return delivery.ack()
      })
      await broker.publish([message(1), message(2)])
      await waitFor(async () => got.length === 2 && (await broker.getMetrics()).lag === 0)
      await expect(broker.removeGroup('group', 'orders')).rejects.toThrow()
      await evicted(`${own.namespace}.group@orders`)
      await waitFor(() => own.losses().length > 0, { what: 'the loss event', limitMs: 15_000 })
      expect(own.losses()[0]).toMatchObject({ group: 'group', destination: 'orders' })
      await broker.publish([message(3)])
      await waitFor(() => got.includes(3), { what: 'the group to go on', limitMs: 15_000 })
    }, 40_000)
  })

  describe('records of others', () => {
    test('a wrong encoding is undecodable in a header, kept as bytes in the data, and readable in the key', async () => {
      await using own = room()
      const broker = await opened(own, { partitions: 1 })
      const got: Delivery[] = []
      await own.consume(broker, {}, (delivery) => {
        got.push(delivery)
        return delivery.ack()
      })
      const latin1 = Buffer.from('żółw', 'latin1')
      await send(own.topic, [
        { value: '{}', headers: { ...event, ce_subject: latin1 } },
        { value: latin1, headers: event },
        { key: latin1, value: '{}', headers: event },
        { value: null, headers: event },
        { value: '{}', headers: { ...event, other: [Buffer.from('one'), Buffer.from('two')] as never } },
      ])
      await waitFor(() => got.length === 5, { what: 'all of them' })
      expect(got[0]?.undecodable?.message).toMatch(/ce_subject.*not UTF-8/)
      expect(Buffer.from(got[1]?.message.data as Uint8Array).equals(latin1)).toBe(true)
      expect(got[2]?.message.key).toBe(latin1.toString('base64'))
      expect(got.slice(1).map(({ undecodable }) => undecodable)).toEqual([undefined, undefined, undefined, undefined])
      await waitFor(async () => (await broker.getMetrics()).lag === 0, { what: 'a lag of 0' })
    })

    test('a header that is called __proto__ or constructor is one like others, also when its record comes again', async () => {
      await using own = room()
      const broker = await opened(own, { partitions: 1 })
      const runs: (string | undefined)[] = []
      await own.consume(broker, { order: 'none' }, (delivery) => {
        runs.push(delivery.progress)
        return delivery.progress === undefined ? delivery.retry({ afterMs: 1, progress: '{"n":1}', deadLetters: [] }) : delivery.ack()
      })
      const hostile = Object.fromEntries([...Object.entries(event), ['__proto__', 'x'], ['constructor', 'y']])
      await send(own.topic, [{ value: '{}', headers: hostile }])
      await waitFor(async () => runs.length === 2 && (await broker.getMetrics()).lag === 0, { what: 'both runs' })
      expect(runs).toEqual([undefined, '{"n":1}'])
    })

    test('what an aborted transaction wrote is never seen, and its marks hold nothing up', async () => {
      await using own = room()
      const broker = await opened(own, { partitions: 1 })
      const got: string[] = []
      await own.consume(broker, {}, (delivery) => {
        got.push(String(delivery.message.data))
        return delivery.ack()
      })
      const producer = plainKafka().producer({ transactionalId: own.namespace, maxInFlightRequests: 1, idempotent: true })
      await producer.connect()
      for (const [value, ends] of [
        ['a', 'commit'],
        ['b', 'abort'],
        ['c', 'commit'],
        ['d', 'abort'],
      ] as const) {
        const transaction = await producer.transaction()
        await transaction.send({
          topic: own.topic,
          messages: [
            { value: `${value}1`, headers: event },
            { value: `${value}2`, headers: event },
          ],
        })
        await transaction[ends]()
      }
      await producer.disconnect()
      await send(own.topic, [{ value: 'end', headers: event }])
      await waitFor(() => got.includes('end'), { what: 'what came last' })
      expect(got).toEqual(['a1', 'a2', 'c1', 'c2', 'end'])
      await waitFor(async () => (await broker.getMetrics()).lag === 0, { what: 'a lag of 0' })
    })

    // kafkajs reads two of them; what it can't is told by health.
    if (driver === 'platformatic') {
      test('every compression of Kafka is read', async () => {
        await using own = room()
        const broker = await opened(own, { partitions: 1 })
        const got: string[] = []
        await own.consume(broker, {}, (delivery) => {
          got.push(String(delivery.message.data))
          return delivery.ack()
        })
        const producer = new Producer({ clientId: 'plain', bootstrapBrokers: [...brokers] })
        const compressions = ['gzip', 'snappy', 'lz4', 'zstd'] as const
        for (const compression of compressions) {
          const value = Buffer.from(compression.repeat(100))
          const headers = new Map(Object.entries(event).map(([name, each]) => [Buffer.from(name), Buffer.from(each)]))
          await producer.send({ messages: [{ topic: own.topic, value, headers }], acks: -1, compression })
        }
        await producer.close()
        await waitFor(() => got.length === compressions.length)
        expect(got).toEqual(compressions.map((name) => name.repeat(100)))
      })
    }
  })

  describe('sizes', () => {
    test(`over the topic's limit, in its data or in a header: refused as too large, and those beside it are stored`, async () => {
      await using own = room()
      const configEntries = [{ name: 'max.message.bytes', value: '20000' }]
      await makeTopics({ topic: own.topic, numPartitions: 1, configEntries })
      const broker = await opened(own)
      const got: number[] = []
      await own.consume(broker, {}, (delivery) => {
        got.push(numberOf(delivery))
        return delivery.ack()
      })
      const large = message(2)
      const wide = message(3)
      const results = await Promise.allSettled([
        broker.publish([message(1)]),
        broker.publish([{ ...large, data: JSON.stringify({ n: 2, text: 'x'.repeat(30_000) }) }]),
        broker.publish([{ ...wide, attributes: { ...wide.attributes, subject: 'x'.repeat(30_000) } }]),
        broker.publish([message(4)]),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
      for (const result of results.slice(1, 3)) {
        expect((result as PromiseRejectedResult).reason).toMatchObject({ code: 'INTERLINE_EVENT_TOO_LARGE' })
      }
      await waitFor(() => got.length === 2)
      expect(got).toEqual([1, 4])
    })

    test('many large events of one key in one call, and among them one that is too large: only that one is refused', async () => {
      await using own = room()
      await makeTopics({ topic: own.topic, numPartitions: 1 })
      const broker = await opened(own, { partitions: 1, maxMessageBytes: 2_000_000 })
      const got: number[] = []
      await own.consume(broker, {}, (delivery) => {
        got.push(numberOf(delivery))
        return delivery.ack()
      })
      const sized = (n: number, bytes: number): ReturnType<typeof message> => ({
        ...message(n, { key: 'one' }),
        data: JSON.stringify({ n, text: 'x'.repeat(bytes) }),
      })
      await broker.publish(Array.from({ length: 60 }, (_, n) => sized(n, 50_000)))
      const mixed = [sized(60, 10), sized(61, 1_500_000), sized(62, 10)]
      const error = await Promise.resolve(broker.publish(mixed)).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ failed: [1], cause: { code: 'INTERLINE_EVENT_TOO_LARGE' } })
      await waitFor(() => got.length === 62, { what: 'all but one', progress: () => got.length })
      expect(got).toEqual(Array.from({ length: 63 }, (_, n) => n).filter((n) => n !== 61))
    })

    test('a dead letter that its topic does not take is told and kept in hand until it does', async () => {
      await using own = room()
      const configEntries = [{ name: 'max.message.bytes', value: '6000000' }]
      await makeTopics({ topic: own.topic, numPartitions: 1, configEntries })
      const broker = await opened(own, { maxFetchBytes: 8_000_000, partitions: 1 })
      const stored: boolean[] = []
      await own.consume(broker, {}, (delivery) => {
        const { message: original, ref } = delivery
        const facts = {
          group: 'group',
          handler: 'h',
          destination: 'orders',
          topic: 'orders',
          eventType: '',
          eventId: '',
          correlationId: undefined,
        }
        const error = { name: 'Error', message: 'no', stack: undefined }
        const letter = {
          ...facts,
          id: ref,
          reason: 'undecodable' as const,
          error,
          attempts: 1,
          firstAttemptAt: 0,
          deadAt: 0,
          message: original,
        }
        void Promise.resolve(delivery.deadLetter([letter])).then((isStored) => stored.push(isStored))
      })
      await send(own.topic, [{ value: 'x'.repeat(3_000_000) }])
      await waitFor(() => own.warnings().length > 0, { what: 'the warning' })
      expect(own.warnings()).toEqual([expect.stringMatching(/Still trying to store in .*dead-letters/)])
      const resource = { type: ConfigResourceTypes.TOPIC, name: `${own.namespace}.interline-dead-letters`, configEntries }
      await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }))
      await waitFor(() => stored.includes(true), { what: 'the dead letter to be stored', limitMs: 15_000 })
      await waitFor(async () => (await broker.getMetrics()).lag === 0)
      expect(await broker.deadLetters.count()).toBe(1)
    }, 30_000)
  })
})

/** As an operator would: its members are sent away, and it is deleted before they are back. */
async function evicted(group: string): Promise<void> {
  const client = (await loadDriver(resolveOptions({ brokers })))()
  await client.connect()
  await withAdmin(async (admin) => {
    const { groups } = await admin.describeGroups([group])
    for (const { memberId } of groups[0]?.members ?? []) await client.leave(group, { id: memberId, generation: -1 })
    await admin.deleteGroups([group])
  })
  await client.close()
}
