import { DriverError, isDriverError } from '../driver.js'
import type { ProduceRequest } from './produce-requests.js'

/** A partition whose records a node did not take. */
export interface PartitionRefusal {
  readonly topic: string
  readonly partition: number
  readonly error: DriverError
}

/** Sends every request once. Rejects with one error for all that went wrong, which knows what is stored all the same. */
export async function produceAll(
  requests: readonly ProduceRequest[],
  /** Answers what the node refused. A rejection leaves open what became of the request. */
  send: (request: ProduceRequest) => Promise<readonly PartitionRefusal[]>,
): Promise<void> {
  const answers = await Promise.allSettled(requests.map(send))
  const errors: DriverError[] = []
  const stored = requests.flatMap(({ batches }, index) => {
    const answer = answers[index]
    if (answer?.status !== 'fulfilled') {
      errors.push(answer?.reason as DriverError)
      return []
    }
    errors.push(...answer.value.map(({ error }) => error))
    const isTaken = (topic: string, partition: number): boolean =>
      !answer.value.some((refusal) => refusal.topic === topic && refusal.partition === partition)
    return batches.flatMap(({ topic, partition, records }) => (isTaken(topic, partition) ? records : []))
  })
  // what passes is waited for before anything is given up
  const error = errors.find((each) => isDriverError(each, 'temporary', 'unknown-topic')) ?? errors[0]
  if (error === undefined) return
  const sent = errors.some((each) => each.sent)
  throw new DriverError(error.kind, error.message, { cause: error.cause, sent, stored })
}
