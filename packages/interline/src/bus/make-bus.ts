import {
  ConfigurationError,
  DefaultRoutingStrategy,
  EventBus,
  HybridEventBus,
  type IBroker,
  type IEventBus,
  type IEventStore,
  type IRoutingStrategy,
} from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { brokerAtHand, loadBroker } from '../adapters/made-broker.js'
import { loadStore, storeAtHand } from '../adapters/made-store.js'
import type { BrokerConfig, StoreConfig } from '../config/adapter-config.js'
import type { BusConfig, HybridConfig } from '../config/bus-config.js'
import { checkConfig, isBroker, isStore } from '../config/check-config.js'
import { withBrokerConnection, withStoreConnection } from '../config/connections.js'
import { serviceName } from '../config/service-name.js'
import { Variables } from '../config/variables.js'
import { ConfiguredBus } from './configured-bus.js'
import { claimDefault, releaseDefault } from './default-bus.js'
import { HandlerAdoption } from './handler-adoption.js'

/** Whether a bus takes the decorated handlers of the process where its configuration says nothing. */
export type Standing = 'only-when-asked' | 'default' | 'default-for-tests'

/** A configuration with every gap filled that can be filled without loading anything. */
interface Plan {
  readonly config: BusConfig
  readonly service: string
  readonly broker: IBroker | BrokerConfig
  readonly store: IEventStore | StoreConfig | undefined
}

/** Throws ConfigurationError for a configuration that can't work. */
export function makeBus(config: BusConfig, standing: Standing): IEventBus {
  const plan = planOf(config)
  for (const { name, reason, answeredBy } of config.unused ?? []) {
    const answers = answeredBy === undefined ? [] : [config[answeredBy] ?? []].flat()
    if (answers.length === 0) warn(config, `${name} is set and has no effect: ${reason}.`)
  }
  const broker = brokerAtHand(plan.broker)
  const store = plan.store === undefined ? undefined : storeAtHand(plan.store)
  const atHand = broker !== undefined && (plan.store === undefined || store !== undefined)
  let own: IEventStore | undefined
  const keep = (made: IEventStore | undefined): IEventStore | undefined => {
    // a store that was handed in belongs to whoever made it
    if (made !== plan.store) own = made
    return made
  }
  return new ConfiguredBus({
    bus: atHand ? build(plan, broker, keep(store)) : undefined,
    load: async () => {
      const [loaded, stored] = await Promise.all([
        broker ?? loadBroker(plan.broker),
        store ?? (plan.store && loadStore(plan.store, config.logger)),
      ])
      return build(plan, loaded, keep(stored))
    },
    end: async () => own?.close(),
    adopt: (bus) => adoptionFor(bus, config, standing),
  })
}

function planOf(config: BusConfig): Plan {
  checkConfig(config)
  const variables = new Variables(process.env)
  const given = config.broker ?? { type: 'memory' }
  const data = isBroker(given) ? undefined : withBrokerConnection(given, variables)
  const store = config.store === undefined || isStore(config.store) ? config.store : withStoreConnection(config.store, data, variables)
  const groupId = data?.type === 'kafka' ? data.kafka?.groupId : undefined
  const broker = isBroker(given) ? given : (data ?? given)
  return { config, broker, store, service: config.service ?? groupId ?? serviceName() }
}

function build({ config, service }: Plan, broker: IBroker, store: IEventStore | undefined): IEventBus {
  const { broker: _broker, hybrid, autoRegister: _autoRegister, unused: _unused, codec, ...common } = config
  if (config.waitForHandlers === true && hybrid === undefined && !broker.capabilities.local) {
    throw new ConfigurationError(
      `waitForHandlers: handlers of a ${broker.name} broker run in any process, and none can wait for them; expected false, or a memory broker.`,
    )
  }
  if (hybrid === undefined || hybrid === false) return new EventBus({ ...common, codec, service, broker, store })
  if (codec === 'reference')
    throw new ConfigurationError('codec: "reference" hands over the event itself, which a hybrid bus can not do; leave it out.')
  const { localBroker = new MemoryBroker() } = hybrid === true ? {} : hybrid
  return new HybridEventBus({ ...common, codec, service, store, localBroker, remoteBroker: broker, routingStrategy: strategyOf(hybrid) })
}

function strategyOf(hybrid: true | HybridConfig): IRoutingStrategy {
  if (hybrid === true) return new DefaultRoutingStrategy()
  const { routingStrategy, localTypes, remoteTypes, bothFrom, decide } = hybrid
  return routingStrategy ?? new DefaultRoutingStrategy(localTypes, remoteTypes, { bothFrom, decide })
}

function adoptionFor(bus: IEventBus, config: BusConfig, standing: Standing): HandlerAdoption | undefined {
  if (config.autoRegister === false) return undefined
  const adoption = new HandlerAdoption({
    bus,
    report: (error) => (config.logger ?? console).error(`A decorated handler could not be subscribed: ${error.message}`),
    ended: releaseDefault,
  })
  const isDefault = standing !== 'only-when-asked' && claimDefault(adoption, standing === 'default-for-tests')
  return isDefault || config.autoRegister === true ? adoption : undefined
}

function warn({ logger = console }: BusConfig, message: string): void {
  logger.warn(message)
}
