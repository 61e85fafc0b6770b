import type { TestRunner } from './test-runner.js'

export interface CaseResult {
  readonly name: string
  /** The case's id, such as `B04`: the first word of its name. */
  readonly id: string
  /** Set when it failed. */
  readonly error: unknown
  readonly durationMs: number
}

/** Runs cases as data: register with it as `runner`, then call `run`. For suites about suites, and for reports. */
export class CollectingRunner implements TestRunner {
  readonly #cases: { readonly name: string; readonly run: () => Promise<void> }[] = []

  describe(_name: string, body: () => void): void {
    body()
  }

  it(name: string, run: () => Promise<void>): void {
    this.#cases.push({ name, run })
  }

  get names(): readonly string[] {
    return this.#cases.map((one) => one.name)
  }

  /** One after the other, in the order of registration; only those whose id is listed, where a list is given. */
  async run(ids?: readonly string[]): Promise<readonly CaseResult[]> {
    const results: CaseResult[] = []
    for (const { name, run } of this.#cases) {
      const id = idOf(name)
      if (ids !== undefined && !ids.includes(id)) continue
      const began = performance.now()
      let error: unknown
      try {
        await run()
      } catch (thrown) {
        error = thrown ?? new Error('The case failed without an error.')
      }
      results.push({ name, id, error, durationMs: performance.now() - began })
    }
    return results
  }
}

function idOf(name: string): string {
  return name.split(' ', 1)[0] ?? name
}
