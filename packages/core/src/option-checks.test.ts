import { describe, expect, test } from 'vitest'
import { ConfigurationError } from './errors.js'
import { checkOptions, type OptionCheck, optionChecks } from './option-checks.js'

const { integer, kind, logger, oneOf, text, within } = optionChecks
const refused = (check: OptionCheck, value: unknown): Error => {
  try {
    checkOptions({ it: value }, 'store', { it: check })
  } catch (thrown) {
    return thrown as Error
  }
  throw new Error('it was accepted')
}

describe('an option', () => {
  test.each<[OptionCheck, unknown, string]>([
    [text, '', 'store.it must be a text that is not empty, and is a string.'],
    [integer(1, 9), 10, 'store.it must be a whole number from 1 to 9, and is the number 10.'],
    [integer(1), Number.NaN, 'store.it must be a whole number of at least 1, and is the number NaN.'],
    [integer(1), '5', 'store.it must be a whole number of at least 1, and is a string.'],
    [kind('boolean'), null, 'store.it must be a boolean, and is null.'],
    [oneOf('a', 'b', 'c'), 'd', `store.it must be 'a', 'b' or 'c', and is a string.`],
    [within({ max: integer(1) }), [], 'store.it must be an object, and is an array.'],
    [within({ max: integer(1) }), { max: 0 }, 'store.it.max must be a whole number of at least 1, and is the number 0.'],
    [within({ max: integer(1) }), { mux: 1 }, 'Unknown option store.it.mux. Known are max.'],
    [logger, {}, 'store.it must be a logger with a method warn, and is an object.'],
  ])('is refused with its path and what it must be, and its text unseen', (check, value, message) => {
    const error = refused(check, value)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error.message).toBe(message)
  })

  test('that the prototype has is unknown, and one that is undefined is left out', () => {
    expect(() => checkOptions(JSON.parse('{"__proto__":1}'), 'store', {})).toThrow('Unknown option store.__proto__')
    expect(() => checkOptions({ constructor: 1 }, 'store', {})).toThrow('Unknown option store.constructor')
    checkOptions({ it: undefined }, 'store', { it: text })
  })
})
