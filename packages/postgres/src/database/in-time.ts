/** No answer came in time; the connection is in an unknown state. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** Rejects where the answer is not there in time. */
export function inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoAnswerError(`no answer within ${timeoutMs} ms`)), timeoutMs)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
