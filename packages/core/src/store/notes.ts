const prefix = 'note:'

/**
 * The name under which a reader keeps something about itself among the checkpoints, as they can be compared and set: whether it is
 * paused, say. It is no position: retention keeps nothing for it.
 */
export function noteName(name: string): string {
  return `${prefix}${name}`
}

export function isNote(name: string): boolean {
  return name.startsWith(prefix)
}
