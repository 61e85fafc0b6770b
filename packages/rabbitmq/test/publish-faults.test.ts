import type { WireMessage } from '@interline/core'
import { FaultProxy, waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { url } from './rabbitmq-server.js'

const target = { host: new URL(url).hostname, port: Number(new URL(url).port === '' ? 5672 : new URL(url).port) }

/** What became of what was published: the counters by which queues are judged. */
interface Counters {
  /** Accepted and never seen. */
  readonly lost: number
  /** Not known to be accepted, and seen. */
  readonly recovered: number
  readonly unexpected: number
  readonly duplicated: number
}

class Tally {
  readonly seen: number[] = []
  readonly accepted: number[] = []
  readonly unknown: number[] = []

  async publish(broker: { publish(messages: readonly WireMessage[]): Promise<void> }, n: number): Promise<void> {
    await broker.publish([message(n, { key: 'one' })]).then(
      () => this.accepted.push(n),
      () => this.unknown.push(n),
    )
  }

  get missing(): readonly number[] {
    const seen = new Set(this.seen)
    return this.accepted.filter((n) => !seen.has(n))
  }

  counters(): Counters {
    const published = new Set([...this.accepted, ...this.unknown])
    const seen = new Set(this.seen)
    return {
      lost: this.missing.length,
      recovered: this.unknown.filter((n) => seen.has(n)).length,
      unexpected: [...seen].filter((n) => !published.has(n)).length,
      duplicated: this.seen.length - seen.size,
    }
  }

  /** The order in which the numbers were seen for the first time. */
  get sequence(): readonly number[] {
    return [...new Set(this.seen)]
  }
}

describe('publishing over a line with faults', () => {
  it('sends again what was stored and whose confirm was lost, and keeps the order of what is behind it', async () => {
    await using proxy = await FaultProxy.start(target)
    await using room = new BrokerRoom()
    const tally = new Tally()
    const near = await room.broker()
    await room.consume(near, {}, (delivery) => {
      if (numberOf(delivery) >= 0) tally.seen.push(numberOf(delivery))
      return delivery.ack()
    })
    const publisher = await room.broker({ port: proxy.port })
    await tally.publish(publisher, 0)
    proxy.dropReplies()
    const behind = [1, 2, 3].map((n) => tally.publish(publisher, n))
    await waitFor(() => tally.sequence.length === 4, { what: 'what was stored to be seen' })
    // the queue confirms in order: when this one is confirmed, the others' confirms are lost
    await near.publish([message(-1, { key: 'one' })])
    expect(tally.accepted).toEqual([0])
    proxy.heal()
    await Promise.all(behind)
    await waitFor(() => tally.seen.length === 7, { what: 'the second copies', progress: () => JSON.stringify(tally) })
    expect(tally.counters()).toEqual({ lost: 0, recovered: 0, unexpected: 0, duplicated: 3 })
    expect(tally.sequence).toEqual([0, 1, 2, 3])
  })

  it('loses nothing and keeps the order while every connection is cut again and again', async () => {
    await using proxy = await FaultProxy.start(target)
    await using room = new BrokerRoom()
    const tally = new Tally()
    const far = await room.broker({ port: proxy.port })
    await room.consume(far, {}, (delivery) => {
      tally.seen.push(numberOf(delivery))
      return delivery.ack()
    })
    for (let n = 0; n < 600; n++) {
      const published = tally.publish(far, n)
      if (n % 100 !== 50) continue
      proxy.cut()
      await published
    }
    await waitFor(() => tally.accepted.length + tally.unknown.length === 600 && tally.missing.length === 0, {
      what: 'every accepted event',
      progress: () => JSON.stringify({ ...tally.counters(), accepted: tally.accepted.length, unknown: tally.unknown.length }),
    })
    const { lost, unexpected } = tally.counters()
    expect({ lost, unexpected, unknown: tally.unknown.length }).toEqual({ lost: 0, unexpected: 0, unknown: 0 })
    expect(tally.sequence).toEqual(Array.from({ length: 600 }, (_, n) => n))
  })

  it('answers within its time on a line that carries nothing, and goes on when it does', async () => {
    await using proxy = await FaultProxy.start(target)
    await using room = new BrokerRoom()
    const tally = new Tally()
    const far = await room.broker({ port: proxy.port, confirmTimeoutMs: 500, heartbeatSeconds: 1 })
    await room.consume(far, {}, (delivery) => {
      tally.seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await far.publish([message(0, { key: 'one' })])
    tally.accepted.push(0)
    proxy.blackhole()
    const began = performance.now()
    await expect(far.publish([message(1, { key: 'one' })])).rejects.toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'unknown' })
    expect(performance.now() - began).toBeLessThan(2_000)
    await waitFor(() => room.events.some(({ kind, detail }) => kind === 'disconnected' && detail.includes('publishing')), {
      what: 'the connection to count as lost',
    })
    expect((await far.health()).status).toBe('fail')
    await expect(far.publish([message(2, { key: 'one' })])).rejects.toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'failed' })
    proxy.heal()
    await waitFor(async () => (await far.health()).status === 'pass', { what: 'the connections to come back' })
    await tally.publish(far, 3)
    await waitFor(() => tally.missing.length === 0, { what: 'what was accepted' })
    expect(tally.counters()).toMatchObject({ lost: 0 })
    expect(tally.seen).not.toContain(2)
  })
})
