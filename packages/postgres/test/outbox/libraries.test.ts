import { EventBus } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { postgresInbox, postgresOutbox } from '@interline/postgres'
import { recorder } from '@interline/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanUp } from '../postgres-server.js'
import { type LibraryRoom, libraries } from './library-rooms.js'
import { OrderCreated } from './orders.js'
import { newSchema } from './outboxes.js'

describe.each(Object.keys(libraries))('in transactions of %s', (name) => {
  let room: LibraryRoom
  const schema = newSchema()
  beforeAll(async () => {
    room = await (libraries[name] as () => Promise<LibraryRoom>)()
  })
  afterAll(async () => {
    await room.close()
    if (!name.includes('PGlite')) await cleanUp(schema)
  })

  test('what is committed is published, and what is rolled back is not', async () => {
    const outbox = postgresOutbox(room.database, { schema })
    const orders = recorder<ReturnType<typeof OrderCreated>>()
    await using bus = new EventBus({ broker: new MemoryBroker(), outbox })
    await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
    await bus.start()
    await room.database.transaction((transaction) => room.write(transaction, `CREATE TABLE "${schema}".business (id text)`))
    for (const id of ['a', 'b', 'c', 'd']) {
      const written = room.database.transaction(async (transaction) => {
        await room.write(transaction, `INSERT INTO "${schema}".business VALUES ('${id}')`)
        await outbox.add(transaction, [OrderCreated({ orderId: id, note: `it's "${id}" \\ ? $1 żółw` }), OrderCreated({ orderId: id })])
        if (id === 'b') throw new Error('not this one')
        return id
      })
      if (id === 'b') await expect(written).rejects.toThrow('not this one')
      else expect(await written).toBe(id)
    }
    await orders.waitForCount(6)
    await bus.idle()
    expect(orders.events.map(({ data }) => data.orderId).sort()).toEqual(['a', 'a', 'c', 'c', 'd', 'd'])
    expect(orders.events.find(({ data }) => data.orderId === 'c')?.data.note).toBe(`it's "c" \\ ? $1 żółw`)
    expect((await room.read(`SELECT id FROM "${schema}".business ORDER BY id`)).map(({ id }) => id)).toEqual(['a', 'c', 'd'])
    expect(await outbox.getMetrics()).toMatchObject({ size: 0, published: 6, relays: 1 })
    await bus.close()
    await outbox.close()
  })

  test('what is no transaction is refused, before anything is written', async () => {
    const outbox = postgresOutbox(room.database, { schema, relay: false })
    await outbox.connect()
    const event = OrderCreated({ orderId: 'x' })
    for (const wrong of [room.mistaken, undefined, null, {}, 'tx']) {
      await expect(outbox.add(wrong, event)).rejects.toMatchObject({
        code: 'INTERLINE_CONFIGURATION',
        message: expect.stringMatching(/outbox\.add needs the transaction/),
      })
    }
    expect(await outbox.getMetrics()).toMatchObject({ size: 0 })
    await outbox.close()
  })

  test('a transaction that has failed is refused, and says so', async () => {
    const outbox = postgresOutbox(room.database, { schema, relay: false })
    await outbox.connect()
    const failing = room.database.transaction(async (transaction) => {
      await expect(room.write(transaction, 'SELECT 1 / 0')).rejects.toThrow()
      await expect(outbox.add(transaction, OrderCreated({ orderId: 'x' }))).rejects.toMatchObject({
        code: 'INTERLINE_CONNECTION',
        message: expect.stringMatching(/an earlier statement of the transaction failed.*Roll it back/),
      })
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    expect(await outbox.getMetrics()).toMatchObject({ size: 0 })
    await outbox.close()
  })

  test('an event whose handler hides a failed statement was not handled, as its transaction can only be rolled back', async () => {
    const inbox = postgresInbox(room.database, { schema })
    const event = OrderCreated({ orderId: 'hidden' })
    const hiding = inbox.handle(event, 'hiding', async (transaction) => {
      await room.write(transaction, 'SELECT 1 / 0').catch(() => undefined)
    })
    await expect(hiding).rejects.toMatchObject({
      code: 'INTERLINE_CONNECTION',
      message: expect.stringMatching(/an earlier statement of the transaction failed/),
    })
    expect(await inbox.handle(event, 'hiding', () => undefined)).toBe('handled')
  })

  test('a handler with an inbox has its transaction, and its effect is there once', async () => {
    const inbox = postgresInbox(room.database, { schema })
    await using bus = new EventBus({ broker: new MemoryBroker(), dedup: false })
    await room.database.transaction((transaction) => room.write(transaction, `CREATE SCHEMA IF NOT EXISTS "${schema}"`))
    await room.database.transaction((transaction) => room.write(transaction, `CREATE TABLE "${schema}".effects (id text)`))
    let runs = 0
    await bus.subscribe(
      OrderCreated,
      async ({ data }, { tx, attempt }) => {
        runs++
        await room.write(tx, `INSERT INTO "${schema}".effects VALUES ('${data.orderId}')`)
        if (data.orderId === 'b' && attempt === 1) throw new Error('not at once')
      },
      { name: 'effects', inbox, failure: { retry: { maxAttempts: 3, backoff: { delayMs: 1 } } } },
    )
    await bus.start()
    const [a, b] = [OrderCreated({ orderId: 'a' }), OrderCreated({ orderId: 'b' })]
    for (const event of [a, b, a, b, a]) await bus.publish(event)
    await bus.idle()
    expect((await room.read(`SELECT id FROM "${schema}".effects ORDER BY id`)).map(({ id }) => id)).toEqual(['a', 'b'])
    expect(runs).toBe(3)
    expect(await inbox.handle(a, 'another group', () => undefined)).toBe('handled')
    expect(await inbox.handle(a, 'another group', () => expect.fail('run twice'))).toBe('duplicate')
  })
})
