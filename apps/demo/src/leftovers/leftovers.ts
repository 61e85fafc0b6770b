import type { BrokerChoice } from '../bus.js'

/** What a run keeps on a server, under a prefix of its own: removed when the run is over. */
export class Leftovers implements AsyncDisposable {
  readonly #choice: BrokerChoice
  readonly #say: (text: string) => void
  #mayExist = false

  constructor(choice: BrokerChoice, say: (text: string) => void) {
    this.#choice = choice
    this.#say = say
  }

  /** Before this nothing was written, and maybe no server was found. */
  mayExist(): void {
    this.#mayExist = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#mayExist) return
    try {
      await remove(this.#choice)
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : thrown
      this.#say(`What the run keeps in ${this.#choice.type} could not be removed: ${why}`)
    }
  }
}

async function remove(choice: BrokerChoice): Promise<void> {
  switch (choice.type) {
    case 'memory':
      return
    case 'redis':
      return (await import('./redis-keys.js')).removeKeys(choice.redis)
    case 'kafka':
      return (await import('./kafka-topics.js')).removeTopics(choice.kafka)
    case 'rabbitmq':
      return (await import('./rabbitmq-queues.js')).removeQueues(choice.rabbitmq)
    default:
      return choice satisfies never
  }
}
