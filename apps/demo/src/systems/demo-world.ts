import {
  type BrokerChoice,
  type BrokerName,
  brokerChoice,
  type PostgresChoice,
  type StoreChoice,
  type StoreName,
  storeChoice,
} from '../places/choices.js'
import { Leftovers } from '../places/leftovers/leftovers.js'
import type { World } from './system.js'

export interface Wishes {
  readonly broker: BrokerName
  readonly store: StoreName | undefined
}

/** The world of one run; what was used of it on servers is removed at the end of the scope. */
export class DemoWorld implements World, AsyncDisposable {
  readonly brokerName: BrokerName
  readonly storeName: StoreName | undefined
  readonly say: (text: string) => void
  readonly interrupted: AbortSignal
  readonly #places: (BrokerChoice | StoreChoice)[] = []

  constructor({ broker, store }: Wishes, say: (text: string) => void, interrupted: AbortSignal) {
    this.brokerName = broker
    this.storeName = store
    this.say = say
    this.interrupted = interrupted
  }

  broker(type: BrokerName = this.brokerName): BrokerChoice {
    return this.#used(brokerChoice(type))
  }

  store(type: StoreName = 'memory'): StoreChoice {
    return this.#used(storeChoice(this.storeName ?? type))
  }

  database(): PostgresChoice {
    const choice: StoreChoice =
      this.storeName === 'postgres' ? storeChoice('postgres') : { type: 'postgres', postgres: { dataDir: 'memory://' } }
    return this.#used(choice) as PostgresChoice
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using leftovers = new Leftovers(this.#places, this.say)
    leftovers.mayExist()
  }

  #used<Choice extends BrokerChoice | StoreChoice>(choice: Choice): Choice {
    this.#places.push(choice)
    return choice
  }
}
