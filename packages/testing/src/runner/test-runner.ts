/** The part of a test runner that the suites use: vitest, jest, mocha and node:test all have it. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  it(name: string, run: () => Promise<void>, timeoutMs?: number): unknown
}

/** The runner that was given, else the global `describe` and `it` where the runner offers them. */
export function runnerOrGlobal(runner: TestRunner | undefined): TestRunner {
  if (runner !== undefined) return runner
  const { describe, it } = globalThis as Partial<TestRunner>
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it }
  throw new Error('No test runner was found. Pass one: testBroker(name, { runner: { describe, it }, … }), imported from your runner.')
}
