import {
  type Abortable,
  type CloseOptions,
  ConfigurationError,
  type DeadLetters,
  type GroupDescription,
  type HealthReport,
  type IBroker,
  type IEventBus,
  UnsupportedFeatureError,
} from '@interline/core'
import type { BusConfig } from './config/bus-config.js'
import { suggestion } from './config/suggestion.js'
import { createBus } from './create-bus.js'

export interface Groups {
  /** Every group of the broker, once for each destination that it has a position at. */
  list(options?: Abortable): Promise<readonly GroupDescription[]>
  /**
   * Ends a group for good, with its position and its retries: at one destination, or everywhere. Answers at how many. Rejects where
   * there is no such group, or where it still has consumers.
   */
  remove(group: string, destination?: string, options?: Abortable): Promise<number>
}

export interface Topics {
  /** The broker's destinations, by name. */
  list(options?: Abortable): Promise<readonly string[]>
}

/** What a bus can be asked and told from outside, for scripts, the command line and the dashboard. */
export interface Admin extends AsyncDisposable {
  readonly deadLetters: DeadLetters
  readonly groups: Groups
  readonly topics: Topics
  health(options?: Abortable): Promise<HealthReport>
  close(options?: CloseOptions): Promise<void>
}

/**
 * Connects to the broker of a configuration without consuming anything. A broker that is handed in is connected and closed, so give it
 * one of its own.
 */
export async function connectAdmin(config: BusConfig, options?: Abortable): Promise<Admin> {
  // no hybrid bus: what stays in a process can't be seen from outside; no store: nothing is published, and nothing is forwarded
  const bus = createBus({
    ...config,
    hybrid: undefined,
    store: undefined,
    outbox: undefined,
    waitForHandlers: undefined,
    autoRegister: false,
  })
  try {
    await bus.start(options)
  } catch (thrown) {
    await bus.close()
    throw thrown
  }
  return adminOf(bus)
}

function adminOf(bus: IEventBus): Admin {
  const broker = bus.getBroker()
  return {
    deadLetters: bus.deadLetters,
    groups: {
      list: (options) => groupsOf(broker, options),
      remove: (group, destination, options) => removeGroup(broker, group, destination, options),
    },
    topics: { list: (options) => topicsOf(broker, options) },
    health: (options) => bus.health(options),
    close: (options) => bus.close(options),
    [Symbol.asyncDispose]: () => bus.close(),
  }
}

async function groupsOf(broker: IBroker, options?: Abortable): Promise<readonly GroupDescription[]> {
  if (broker.listGroups === undefined) throw unsupported(broker, 'list its groups')
  return broker.listGroups(options)
}

async function removeGroup(broker: IBroker, group: string, destination: string | undefined, options?: Abortable): Promise<number> {
  if (broker.removeGroup === undefined) throw unsupported(broker, 'remove a group')
  const all = await groupsOf(broker, options)
  const found = all.filter((each) => each.group === group && (destination === undefined || each.destination === destination))
  if (found.length === 0) {
    const where = destination === undefined ? '' : ` at destination "${destination}"`
    throw new ConfigurationError(`There is no group "${group}"${where}.${suggestion(group, [...new Set(all.map((each) => each.group))])}`)
  }
  for (const each of found) await broker.removeGroup(group, each.destination, options)
  return found.length
}

async function topicsOf(broker: IBroker, options?: Abortable): Promise<readonly string[]> {
  if (broker.listDestinations === undefined) throw unsupported(broker, 'list its destinations')
  return [...(await broker.listDestinations(options))].sort()
}

function unsupported({ name }: IBroker, what: string): UnsupportedFeatureError {
  return new UnsupportedFeatureError(`The ${name} broker can not ${what}. Use the tools that come with it.`)
}
