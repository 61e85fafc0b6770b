import { ConfigurationError } from '@interline/core'

/** How long a farewell may take: a server that does not answer gives back by itself what was in hand. */
const farewellMs = 3_000

/** Resolves when it is done, failed or takes too long; says whether it was done. For what nobody can do anything about any more. */
export function farewell(goodbye: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), farewellMs)
    const end = (done: boolean): void => {
      clearTimeout(timer)
      resolve(done)
    }
    goodbye.then(
      () => end(true),
      () => end(false),
    )
  })
}

const attempts = 8
const pauseMs = 50

/**
 * Tries something again for a while. The server ends the whole connection of a consumer whose quorum queue is being made by somebody else
 * at this very moment, and of a publisher to such a stream: the next try finds it ready.
 */
export async function insist<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (thrown) {
      if (attempt === attempts || thrown instanceof ConfigurationError) throw thrown
      await new Promise((resolve) => setTimeout(resolve, attempt * pauseMs))
    }
  }
}
