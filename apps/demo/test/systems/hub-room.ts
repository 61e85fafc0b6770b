import { MemoryBroker } from 'interline'
import { checkLimit } from '../../src/systems/wallet-hub/business.js'
import type { Carrier } from '../../src/systems/wallet-hub/carrier.js'
import { Consumers } from '../../src/systems/wallet-hub/consumers.js'
import { Database } from '../../src/systems/wallet-hub/database.js'
import { OutboxWorker } from '../../src/systems/wallet-hub/outbox-worker.js'
import { WalletHub } from '../../src/systems/wallet-hub/wallet-hub.js'

/** The parts of the wallet hub in one process, on an embedded database; none is started. */
export class HubRoom implements AsyncDisposable {
  readonly database: Database
  readonly hub: WalletHub
  readonly worker: OutboxWorker
  readonly consumers: Consumers

  private constructor(database: Database, carrier: Carrier) {
    this.database = database
    this.hub = new WalletHub(carrier, database, checkLimit)
    this.worker = new OutboxWorker(carrier, database)
    this.consumers = new Consumers(carrier, database)
  }

  static async open(carrier: Carrier = new MemoryBroker()): Promise<HubRoom> {
    return new HubRoom(await Database.open({ type: 'postgres', postgres: { dataDir: 'memory://' } }), carrier)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumers.close()
    await this.worker.close()
    await this.hub[Symbol.asyncDispose]()
    await this.database[Symbol.asyncDispose]()
  }
}
