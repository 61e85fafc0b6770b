/** What is thrown becomes a rejected promise, so that a failure has one road although the call is synchronous. */
export function rejecting<T>(run: () => T): T | Promise<never> {
  try {
    return run()
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}
