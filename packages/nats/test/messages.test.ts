import { type Delivery, EventBus } from '@interline/core'
import { MemoryDeadLetterStore } from '@interline/memory'
import { NatsBroker } from '@interline/nats'
import { waitFor } from '@interline/testing'
import { AckPolicy } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient, stored, url } from './nats-server.js'

describe('messages', () => {
  it('of strangers are read however they write headers, and what is wrong is handed over with its bytes', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: Delivery[] = []
    await room.consume(broker, {}, (delivery) => seen.push(delivery))
    await using client = await plainClient()
    const write = async (named: Record<string, string>, data: string | Uint8Array): Promise<void> => {
      const all = headers()
      for (const [name, value] of Object.entries(named)) all.set(name, value)
      await client.jsm.jetstream().publish(`${room.namespace}.orders.orders.created`, data, { headers: all })
    }
    await write({ 'CE-Id': '1', 'Ce-Source': '"quoted \\"text\\""', 'ce-type': 'a%20%C5%BC', 'content-type': 'application/json' }, '{}')
    await write({ 'ce-id': '2', 'ce-datacontenttype': 'application/octet-stream' }, new Uint8Array([123, 125]))
    await write({ 'ce-id': '100%' }, 'broken')
    await waitFor(() => seen.length === 3)
    const [first, second, third] = seen
    const attributes = { id: '1', source: 'quoted "text"', type: 'a ż', datacontenttype: 'application/json' }
    expect(first?.message).toMatchObject({ attributes, topic: 'orders.created', data: '{}' })
    expect(second?.message.data).toEqual(new Uint8Array([123, 125]))
    expect(third?.undecodable).toBeInstanceOf(Error)
    expect(third?.message.data).toEqual(new TextEncoder().encode('broken'))
  })

  it('on subjects that are no names of ours are handed over too, and nothing of the kind is in the way of a list', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: Delivery[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(delivery)
      await delivery.ack()
    })
    await using client = await plainClient()
    await client.jsm.jetstream().publish(`${room.namespace}.orders.half=.100=ZZ`, '{}')
    await client.jsm.streams.add({ name: `${room.namespace}-strange`, subjects: [`${room.namespace}.strange=.>`] })
    await client.jsm.consumers.add(`${room.namespace}_orders`, { durable_name: 'their=own', ack_policy: AckPolicy.Explicit })
    await waitFor(() => seen.length === 1, { what: 'the message' })
    expect(seen[0]?.message.topic).toBe('half=.100=ZZ')
    const groups = await broker.listGroups()
    expect(groups.map(({ group }) => group)).toContain('their=own')
  })

  it('that are for a time beyond all clocks wait, and are not handed out again and again', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(numberOf(delivery))
      await delivery.ack()
    })
    await broker.publish([message(0, { deliverAt: 8.64e15 })])
    for (let n = 1; n <= 20; n++) {
      await broker.publish([message(n)])
      await waitFor(() => seen.length === n)
    }
    await using client = await plainClient()
    const { delivered } = await client.jsm.consumers.info(`${room.namespace}_orders`, 'group')
    expect(delivered.consumer_seq).toBe(21)
  })

  it('go through names that NATS would refuse, and their groups are listed and removed', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const strange = { destination: 'orders.eu/*żółw', group: 'mail service. >' }
    const seen: Delivery[] = []
    const consumer = await room.consume(broker, strange, (delivery) => seen.push(delivery))
    await broker.publish([message(1, { destination: strange.destination, topic: 'orders.żółw' })])
    await waitFor(() => seen.length === 1)
    expect(seen[0]?.message).toMatchObject({ destination: strange.destination, topic: 'orders.created' })
    await seen[0]?.note('begun')
    expect(await broker.listDestinations()).toEqual([strange.destination])
    expect(await broker.listGroups()).toMatchObject([{ ...strange, lag: 1, unsettled: 1 }])
    await consumer.close()
    await broker.removeGroup(strange.group, strange.destination)
    expect(await broker.listGroups()).toEqual([])
    expect(await stored(`${room.namespace}+notes`)).toBe(0)
  })

  it('that are redriven reach only the handler that gave up, from a store for dead letters', async () => {
    await using room = new BrokerRoom()
    const runs: string[] = []
    let broken = true
    const connection = await connect({ servers: new URL(url).host })
    const broker = new NatsBroker({ connection, prefix: room.namespace })
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
    const bus = new EventBus({ service: 'shop', broker, deadLetters: new MemoryDeadLetterStore(), logger, retry: { maxAttempts: 1 } })
    const placed = { type: 'NatsOnlyPlaced', topic: 'orders.placed', data: { orderId: 'o-1' } }
    for (const [group, name] of [
      ['shop', 'failing'],
      ['shop', 'other'],
      ['elsewhere', 'failing'],
    ] as const) {
      const run = (_: object, { attempt }: { readonly attempt: number }): void => {
        runs.push(`${group}/${name} ${attempt}`)
        if (broken && group === 'shop' && name === 'failing') throw new Error('Broken.')
      }
      await bus.subscribe('orders.*', run, { name, group })
    }
    await bus.start()
    await bus.publish(placed)
    await waitFor(async () => runs.length === 3 && (await bus.deadLetters.count()) === 1)
    broken = false
    await bus.deadLetters.redrive({})
    await waitFor(async () => runs.length === 4 && (await broker.getMetrics()).lag === 0)
    expect(runs.slice(0, 3).sort()).toEqual(['elsewhere/failing 1', 'shop/failing 1', 'shop/other 1'])
    expect(runs[3]).toBe('shop/failing 1')
    await bus.close()
    expect(connection.isClosed(), 'a connection that was handed in is never closed').toBe(false)
    await connection.close()
  })
})
