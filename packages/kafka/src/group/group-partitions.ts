import { toError } from '@interline/core'
import type { BrokerContext } from '../context.js'
import { isDriverError, type KafkaClient } from '../drivers/driver.js'

/** How many partitions a group has to divide: those of the destination, with one of the group's own topic for each. */
export class GroupPartitions {
  readonly #context: BrokerContext
  readonly #client: KafkaClient
  readonly #topics: readonly [string, string]
  #divided = 0
  #isShort = false

  constructor(context: BrokerContext, client: KafkaClient, topics: readonly [string, string]) {
    this.#context = context
    this.#client = client
    this.#topics = topics
  }

  /** What was counted last. */
  get divided(): number {
    return this.#divided
  }

  async count(): Promise<number> {
    const [main, retry] = this.#topics
    const count = (await this.#client.partitionCount(main)) ?? 0
    try {
      if (count > 0) await this.#context.topics.ensureOwn(retry, count)
      this.#divided = count
    } catch (thrown) {
      if (isDriverError(thrown, 'temporary')) throw thrown
      // nothing may hold up those that are there
      this.#divided = Math.min(count, (await this.#client.partitionCount(retry)) ?? 0)
      this.#warn(toError(thrown))
    }
    return this.#divided
  }

  #warn(error: Error): void {
    if (this.#isShort) return
    this.#isShort = true
    const detail = `The partitions that were added to "${this.#topics[0]}" are not read yet: ${error.message}`
    this.#context.report({ kind: 'warning', detail, error })
  }
}
