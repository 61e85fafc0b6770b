import { isInterlineError } from '@interline/core'

const longest = 60

/** What kind of error it is, in few different words: a code of ours or of the system, else its class. Never its message. */
export function errorTypeOf(error: Error): string {
  if (isInterlineError(error)) return error.code
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code)) return code.slice(0, longest)
  return (error.name === '' ? '_OTHER' : error.name).slice(0, longest)
}
