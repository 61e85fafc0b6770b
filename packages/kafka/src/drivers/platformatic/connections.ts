import type { Connection, ConnectionOptions } from '@platformatic/kafka'
import { DriverError } from '../driver.js'
import type { Library } from './library.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Kafka answers the requests of a connection one after the other: what waits on the server has a connection of its own. */
export type Lane = 'requests' | 'fetches' | 'joins'

export interface ConnectionSettings {
  readonly clientId: string
  readonly options: ConnectionOptions
  /** How long an answer may take. */
  readonly timeoutMs: Readonly<Record<Lane, number>>
}

interface Held {
  readonly connection: Connection
  readonly ready: Promise<void>
}

/** One connection to each node for each lane, made when it is needed, and forgotten when it ends. */
export class Connections {
  readonly #library: Library
  readonly #settings: ConnectionSettings
  readonly #held = new Map<string, Held>()
  #closed = false

  constructor(library: Library, settings: ConnectionSettings) {
    this.#library = library
    this.#settings = settings
  }

  async get(address: Address, lane: Lane): Promise<Connection> {
    if (this.#closed) throw new DriverError('refused', 'The connection is closed.')
    const key = `${lane} ${address.host}:${address.port}`
    let held = this.#held.get(key)
    if (held === undefined) {
      held = this.#open(address, lane, (closed) => {
        if (this.#held.get(key)?.connection === closed) this.#held.delete(key)
      })
      this.#held.set(key, held)
    }
    await held.ready
    return held.connection
  }

  close(): void {
    this.#closed = true
    for (const { connection } of this.#held.values()) end(connection)
    this.#held.clear()
  }

  #open({ host, port }: Address, lane: Lane, forget: (connection: Connection) => void): Held {
    const { clientId, options, timeoutMs } = this.#settings
    const connection = new this.#library.Connection(clientId, { ...options, requestTimeout: timeoutMs[lane] })
    // whoever waits for an answer gets the error; without a listener it would end the process
    connection.on('error', () => forget(connection))
    connection.on('close', () => forget(connection))
    const ready = (async () => {
      try {
        await connection.connect(host, port)
        // closed while it was on its way
        if (this.#closed) end(connection)
      } catch (error) {
        forget(connection)
        end(connection)
        throw error
      }
    })()
    return { connection, ready }
  }
}

/** At once, whatever the other side does: nothing is under way that anybody waits for. */
function end(connection: Connection): void {
  void connection.close()
  connection.socket?.destroy()
}
