/**
 * How CloudEvents attributes are called in the headers of a transport. An adapter writes with its own prefix, and reads with all that
 * its transport's clients are known to use.
 */
export type AttributePrefix = 'ce_' | 'ce-' | 'cloudEvents_' | 'cloudEvents:'

export const attributePrefixes: readonly AttributePrefix[] = ['ce_', 'ce-', 'cloudEvents_', 'cloudEvents:']

const names = new Map<string, string>()
const memoLimit = 1_000

/** The attribute behind a header, such as `id` for `ce_id`; `undefined` for a header that carries none. Case is ignored. */
export function attributeOfHeader(header: string): string | undefined {
  const known = names.get(header)
  if (known !== undefined) return known === '' ? undefined : known
  const lower = header.toLowerCase()
  const prefix = attributePrefixes.find((candidate) => lower.startsWith(candidate.toLowerCase()))
  const name = prefix === undefined ? '' : lower.slice(prefix.length)
  const attribute = /^[a-z0-9]{1,20}$/.test(name) ? name : ''
  if (names.size >= memoLimit) names.clear()
  names.set(header, attribute)
  return attribute === '' ? undefined : attribute
}

/** Reads all attributes out of headers. `toText` turns a header's value into text; a value it answers `undefined` for is left out. */
export function readAttributes<Value>(
  headers: Readonly<Record<string, Value>>,
  toText: (value: Value) => string | undefined,
): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const header of Object.keys(headers)) {
    const name = attributeOfHeader(header)
    if (name === undefined) continue
    const text = toText(headers[header] as Value)
    if (text !== undefined) attributes[name] = text
  }
  return attributes
}

/** Writes attributes as headers. `datacontenttype` is left to the transport's own content type field. */
export function writeAttributes(attributes: Readonly<Record<string, string>>, prefix: AttributePrefix): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of Object.keys(attributes)) {
    if (name !== 'datacontenttype') headers[prefix + name] = attributes[name] as string
  }
  return headers
}
