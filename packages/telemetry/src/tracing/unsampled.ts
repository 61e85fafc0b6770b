import type { Trace, Watch } from '@interline/core'
import { type Context, context } from '@opentelemetry/api'

const digits = Buffer.from('0123456789abcdef')
const text = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)

/** A trace that nobody records begins. It has ids all the same: logs tell by them what belongs together. */
export function beginUnsampled(): Trace {
  for (const offset of [3, 11, 19, 27, 36, 44]) writeDigits(offset)
  return { traceparent: text.toString('latin1') }
}

/** Eight of them, into their place: what is put together of parts would be copied when it is read. */
function writeDigits(offset: number): void {
  let random = (Math.random() * 0x1_0000_0000) >>> 0
  for (let index = offset; index < offset + 8; index++) {
    text[index] = digits[random & 15] as number
    random >>>= 4
  }
}

/** Work that is part of a trace nobody records. */
export class Unsampled implements Watch<unknown> {
  readonly trace: Trace | undefined

  constructor(carried: Trace | undefined) {
    this.trace = carried
  }

  ended(): void {
    // nobody wants to know
  }
}

/** One in which nobody records spans either. */
export class EnteredUnsampled extends Unsampled {
  readonly #context: Context

  constructor(carried: Trace | undefined, entered: Context) {
    super(carried)
    this.#context = entered
  }

  enter<T>(run: () => T): T {
    return context.with(this.#context, run)
  }
}
