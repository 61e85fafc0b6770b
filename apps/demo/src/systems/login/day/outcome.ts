import { type Expected, expectedOf } from './expectation.js'
import type { Performed } from './performance.js'

/** What came of a step, beside what had to. */
export interface Outcome {
  readonly performed: Performed
  readonly expected: Expected
}

export function outcomesOf(lane: readonly Performed[]): readonly Outcome[] {
  const expected = expectedOf(lane.map(({ step }) => step))
  return lane.flatMap((performed, index) => {
    const foretold = expected[index]
    return foretold === undefined ? [] : [{ performed, expected: foretold }]
  })
}
