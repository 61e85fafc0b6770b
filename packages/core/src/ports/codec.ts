/** Turns an event's data into text or bytes and back. JSON is the default. */
export interface ICodec {
  /** Such as `application/json`; becomes `datacontenttype`. */
  readonly contentType: string
  /** Throws for data that it cannot carry (cycles, functions); never drops it silently. */
  encode(data: unknown): string | Uint8Array
  decode(data: string | Uint8Array): unknown
}
