/** Which of the secrets are in one of the texts, whatever the case. Found ones are told by their number, as this goes into a report. */
export function leaksIn(texts: readonly string[], secrets: Iterable<string>): readonly string[] {
  const haystack = texts.join('\n').toLowerCase()
  return [...secrets].flatMap((secret, index) => (haystack.includes(secret.toLowerCase()) ? [`secret ${index + 1}`] : []))
}

/** What nobody but its owner may read of a stored hash. */
export function partsOfHash(hash: string): readonly string[] {
  return hash.split('$').filter((part) => part.length > 16)
}
