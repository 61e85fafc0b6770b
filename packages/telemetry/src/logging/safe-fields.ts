import { isInterlineError } from '@interline/core'
import type { LogFields } from './delivery-fields.js'

const secretName = /passw|secret|token|authori[sz]ation|credential|api[-_]?key|private[-_]?key|cookie/i
const userInUrl = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi
const longest = 2_000
const hidden = '[hidden]'

/** Fields that may be written down: ids and figures, errors by what they are. Never an event's data, and no secret. */
export function safeFields(fields: Readonly<Record<string, unknown>> | undefined): LogFields {
  const safe: Record<string, string | number | boolean | null> = {}
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (secretName.test(name)) safe[name] = hidden
    else if (value instanceof Error) Object.assign(safe, errorFields(name, value))
    else if (typeof value === 'string') safe[name] = safeText(value)
    else if (typeof value === 'number' || typeof value === 'boolean' || value === null) safe[name] = value
    else if (typeof value === 'bigint') safe[name] = String(value)
    else if (value instanceof Date) safe[name] = Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
    // anything else may hold an event's data
    else if (value !== undefined) safe[name] = `[${typeof value}]`
  }
  return safe
}

/** Without the user and password of an address, and not without end. */
export function safeText(text: string): string {
  const hiding = text.replace(userInUrl, `$1${hidden}@`)
  return hiding.length > longest ? `${hiding.slice(0, longest)}…` : hiding
}

function errorFields(name: string, error: Error): LogFields {
  const code = isInterlineError(error) ? error.code : (error as { readonly code?: unknown }).code
  return {
    [name]: safeText(error.message),
    [`${name}.name`]: error.name,
    ...(typeof code === 'string' && { [`${name}.code`]: code }),
    ...(error.stack !== undefined && { [`${name}.stack`]: safeText(error.stack) }),
  }
}
