import type { DeadLetter } from '@interline/core'
import type { Headers } from './rabbitmq-message.js'

const letterHeader = 'interline-letter'
/** Headers have to fit into one frame, beside those of the message. */
const longestText = 8_000

/** What is known of a dead event beside itself, as a header that any client can read. */
export function encodeLetter(letter: DeadLetter): Headers {
  const { message: _, error, ...about } = letter
  const { name, message, stack } = error
  const short = { name, message: message.slice(0, longestText), stack: stack?.slice(0, longestText) }
  return { [letterHeader]: JSON.stringify({ ...about, error: short }) }
}
