import type { BrokerEvent, Consumer, Delivery, Receive, Source, WireMessage } from '@interline/core'
import { VirtualClock } from '@interline/testing'
import { MemoryBroker } from '../src/memory-broker.js'
import type { MemoryBrokerOptions } from '../src/memory-options.js'

export function message(id: string | number, more: Partial<WireMessage> = {}): WireMessage {
  const attributes = { specversion: '1.0', id: String(id), source: 'test', type: 'Thing' }
  return { destination: 'things', topic: 'things.made', key: undefined, attributes, data: '{}', ...more }
}

export function idOf({ message: { attributes } }: Delivery): string {
  return attributes.id ?? ''
}

/** A connected broker under a clock that stands still. */
export function connected(options?: MemoryBrokerOptions): { broker: MemoryBroker; clock: VirtualClock; reports: BrokerEvent[] } {
  const clock = new VirtualClock()
  const reports: BrokerEvent[] = []
  const broker = new MemoryBroker(options)
  broker.connect({ clock, report: (event) => void reports.push(event) })
  return { broker, clock, reports }
}

export interface Member {
  readonly consumer: Consumer
  /** Every delivery that it got, in order. */
  readonly arrived: readonly Delivery[]
  ids(): string[]
}

/** Subscribes and keeps what arrives; `receive` decides what happens with it. */
export async function member(broker: MemoryBroker, more: Partial<Source> = {}, receive: Receive = () => undefined): Promise<Member> {
  const arrived: Delivery[] = []
  const source: Source = {
    group: 'g',
    destination: 'things',
    topics: ['>'],
    order: 'none',
    from: 'now',
    broadcast: false,
    window: 64,
    ...more,
  }
  const consumer = await broker.subscribe(source, (deliveries) => {
    arrived.push(...deliveries)
    return receive(deliveries)
  })
  return { consumer, arrived, ids: () => arrived.map(idOf) }
}

export const ackAll: Receive = (deliveries) => {
  for (const delivery of deliveries) delivery.ack()
}

/** Lets what was announced for the end of the caller's own code happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
