const longest = 60

/** A value as an error may show it: short, and without the credentials of a URL. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shortened(withoutCredentials(value)))
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return String(value)
  if (typeof value === 'bigint') return `${value}n`
  return kindOf(value)
}

/** Only what kind of value it is, where the value itself is a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (value === '') return 'an empty text'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`
}

// everything up to the last @, because a password may hold any of the signs that end it
function withoutCredentials(text: string): string {
  return text.replace(/(\/\/|^)[^/@\s]*:?.*@/, '$1…@')
}

function shortened(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`
}
