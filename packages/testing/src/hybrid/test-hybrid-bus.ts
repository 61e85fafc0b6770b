import { DefaultRoutingStrategy, type EventBusOptions, HybridEventBus, type IBroker, type IEventBus } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { brokerCases } from '../contract/broker-cases.js'
import type { TestBrokerOptions } from '../contract/broker-options.js'
import { Room } from '../contract/room.js'
import { registerCases } from '../contract/test-broker.js'
import { hybridCases, Ticked } from './hybrid-cases.js'

/** Buses of two sides: memory is the local one, and the remote one is the configuration's. */
class HybridRoom extends Room {
  protected override makeBus({ broker, codec, ...options }: EventBusOptions & { readonly broker: IBroker }): IEventBus {
    const routingStrategy = new DefaultRoutingStrategy([Ticked.type])
    if (codec === 'reference') throw new TypeError('What leaves the process can not be carried by reference.')
    return new HybridEventBus({ ...options, codec, localBroker: new MemoryBroker(), remoteBroker: broker, routingStrategy })
  }
}

const ofBrokers = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B09', 'B10', 'B11', 'B12', 'B14']

/** Registers the cases of a hybrid bus with this remote broker, and those of brokers that hold for what a bus gives its remote side. */
export function testHybridBus(name: string, options: TestBrokerOptions): void {
  const cases = [...hybridCases, ...brokerCases.filter(({ id }) => ofBrokers.includes(id))]
  registerCases(name, options, { suite: 'hybrid', cases, room: (...settings) => new HybridRoom(...settings) })
}
