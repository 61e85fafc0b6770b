const erased = new WeakMap<object, readonly string[]>()

/** Notes which fields of an event could not be read. */
export function noteErased(event: object, fields: readonly string[]): void {
  erased.set(event, fields)
}

/** The fields of a received event that are `null` because the key of their subject was forgotten, or is not for this process to have. */
export function erasedFieldsOf(event: object): readonly string[] {
  return erased.get(event) ?? []
}
