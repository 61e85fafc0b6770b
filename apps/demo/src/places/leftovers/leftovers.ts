import type { BrokerChoice, StoreChoice } from '../choices.js'

type Choice = BrokerChoice | StoreChoice

/** What a run keeps on a server, under a prefix of its own: removed when the run is over. */
export class Leftovers implements AsyncDisposable {
  readonly #choices: readonly Choice[]
  readonly #say: (text: string) => void
  #mayExist = false

  constructor(choices: readonly Choice[], say: (text: string) => void) {
    this.#choices = choices
    this.#say = say
  }

  /** Before this nothing was written, and maybe no server was found. */
  mayExist(): void {
    this.#mayExist = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#mayExist) return
    for (const choice of this.#choices) {
      try {
        await remove(choice)
      } catch (thrown) {
        const why = thrown instanceof Error ? thrown.message : thrown
        this.#say(`What the run keeps in ${choice.type} could not be removed: ${why}`)
      }
    }
  }
}

async function remove(choice: Choice): Promise<void> {
  switch (choice.type) {
    case 'memory':
      return
    case 'redis':
      return (await import('./redis-keys.js')).removeKeys(choice.redis)
    case 'kafka':
      return (await import('./kafka-topics.js')).removeTopics(choice.kafka)
    case 'rabbitmq':
      return (await import('./rabbitmq-queues.js')).removeQueues(choice.rabbitmq)
    case 'postgres':
      return 'url' in choice.postgres ? (await import('./postgres-schema.js')).removeSchema(choice.postgres) : undefined
    default:
      return choice satisfies never
  }
}
