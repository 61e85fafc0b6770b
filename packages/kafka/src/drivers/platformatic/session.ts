import type { Connection } from '@platformatic/kafka'
import { DriverError, isDriverError } from '../driver.js'
import { Cluster } from './cluster.js'
import { type Address, type ConnectionSettings, Connections, type Lane } from './connections.js'
import { driverError, isConnectionFault, refusalOf } from './errors.js'
import type { Library } from './library.js'

const groupCoordinators = 0
/** How long the controller may take to make what it is asked for. */
const controllerTimeoutMs = 5_000

/** What all requests of one client share: its connections, and what it knows of the cluster. */
export class Session {
  readonly library: Library
  readonly connections: Connections
  readonly cluster: Cluster
  readonly #coordinators = new Map<string, Address>()

  constructor(library: Library, settings: ConnectionSettings, seeds: readonly Address[], metadataMaxAgeMs: number) {
    this.library = library
    this.connections = new Connections(library, settings)
    this.cluster = new Cluster(library, this.connections, seeds, metadataMaxAgeMs)
  }

  /** What went wrong as one of our errors; what was known before it is looked up again. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      const error = driverError(thrown)
      if (isDriverError(error, 'temporary', 'unknown-topic')) this.cluster.doubt()
      if (isConnectionFault(error)) this.#coordinators.clear()
      throw error
    }
  }

  /** A request to the node that coordinates a group. */
  coordinate<T>(group: string, lane: Lane, work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.call(async () => {
      let address = this.#coordinators.get(group)
      if (address === undefined) this.#coordinators.set(group, (address = await this.#findCoordinator(group)))
      try {
        return await work(await this.connections.get(address, lane))
      } catch (error) {
        if (isDriverError(driverError(error), 'temporary')) this.#coordinators.delete(group)
        throw error
      }
    })
  }

  /** A request to the node that makes and changes topics. */
  manage<T>(work: (connection: Connection, timeoutMs: number) => Promise<T>): Promise<T> {
    return this.call(async () => {
      await this.cluster.know([])
      return work(await this.connections.get(this.cluster.controller, 'requests'), controllerTimeoutMs)
    })
  }

  async #findCoordinator(group: string): Promise<Address> {
    await this.cluster.know([])
    let failure: unknown
    for (const node of this.cluster.nodes) {
      try {
        const connection = await this.connections.get(node, 'requests')
        const { coordinators } = await this.library.findCoordinatorV3.api.async(connection, groupCoordinators, [group])
        const [found] = coordinators
        if (found !== undefined) return { host: found.host, port: found.port }
      } catch (error) {
        failure = error
        // the server's word is the cluster's; a node that does not answer is not the only one
        if (refusalOf(error) !== undefined) throw error
      }
    }
    throw failure ?? new DriverError('temporary', `Nobody coordinates the group "${group}" yet.`)
  }
}
