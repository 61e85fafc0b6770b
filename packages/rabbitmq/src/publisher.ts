import { PublishError, type StoreOptions, toError, type WireMessage } from '@interline/core'
import type { BrokerContext } from './context.js'
import { encodeMessage } from './rabbitmq-message.js'
import { routeOf } from './routes.js'
import type { Parcel, Sending } from './sending.js'

/** Publishes what core asks for: all of a call, or an error that says which failed. */
export class Publisher {
  readonly #context: BrokerContext
  published = 0

  constructor(context: BrokerContext) {
    this.#context = context
  }

  publish(messages: readonly WireMessage[], { signal, stored }: StoreOptions): Promise<void> {
    const parcels = this.#parcels(messages)
    if (messages.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const failed = new Map<number, PublishError>()
      let left = parcels.length
      let sendings: readonly Sending[] = []
      const abort = (): void => {
        const untouched = sendings.filter((sending) => this.#context.sender.withdraw(sending)).length === sendings.length
        left = 0
        const outcome = untouched ? 'failed' : 'unknown'
        reject(new PublishError('Publishing to RabbitMQ was aborted.', { cause: signal?.reason, outcome }))
      }
      const settled = (index: number, error: PublishError | undefined): void => {
        if (error !== undefined) failed.set(index, error)
        else {
          this.published++
          stored?.(index)
        }
        if (--left !== 0) return
        signal?.removeEventListener('abort', abort)
        if (failed.size === 0) resolve()
        else reject(summary(failed))
      }
      sendings = parcels.map((parcel, index) => this.#context.sender.send({ ...parcel, settle: (error) => settled(index, error) }))
      if (left > 0) signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** All or nothing: what can't be a message is found before the first is sent. */
  #parcels(messages: readonly WireMessage[]): readonly Omit<Parcel, 'settle'>[] {
    const parcels: Omit<Parcel, 'settle'>[] = []
    const problems = new Map<number, Error>()
    messages.forEach((message, index) => {
      try {
        const encoded = encodeMessage(message)
        parcels.push({ ...routeOf(this.#context, message, encoded), encoded })
      } catch (thrown) {
        problems.set(index, toError(thrown))
      }
    })
    const [first] = problems
    if (first === undefined) return parcels
    const [index, cause] = first
    throw new PublishError(`Nothing was published: message ${index} can't be sent. ${cause.message}`, {
      cause,
      failed: [...problems.keys()],
      outcome: 'failed',
    })
  }
}

function summary(failed: ReadonlyMap<number, PublishError>): PublishError {
  const [first] = failed.values() as IterableIterator<PublishError>
  const unknown = [...failed.values()].some(({ outcome }) => outcome === 'unknown')
  return new PublishError(first?.message ?? '', {
    cause: first?.cause,
    failed: [...failed.keys()],
    outcome: unknown ? 'unknown' : 'failed',
  })
}
