import { startProgram } from '../crash/compiled-program.js'

/** What a handler's process is told on its command line. */
export interface HandlerOrders {
  /** Exports `createInbox(namespace, ...args)`. */
  readonly module: string
  readonly args: readonly string[]
  readonly namespace: string
  /** The numbers of the events that are delivered to it. */
  readonly numbers: readonly number[]
  /** Where it kills itself, with the event of this index. */
  readonly kill?: { readonly step: HandlerStep; readonly index: number } | undefined
}

/** Before anything; with the claim in hand; with the effect in hand; after the commit and before the acknowledgement. */
export const handlerSteps = ['begun', 'claimed', 'done', 'committed'] as const
export type HandlerStep = (typeof handlerSteps)[number]

export type HandlerReport = { readonly kind: 'step'; readonly step: HandlerStep } | { readonly kind: 'acknowledged'; readonly n: number }

/** A process that handles events through an inbox until it kills itself. */
export class HandlerProcess {
  /** The step at which it was killed, where it was. */
  readonly ended: Promise<HandlerStep | undefined>

  constructor(orders: HandlerOrders, acknowledged: (n: number) => void) {
    const child = startProgram('../outbox/handler-program.js', orders)
    const errors: string[] = []
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString()))
    let step: HandlerStep | undefined
    child.on('message', (report: HandlerReport) => {
      if (report.kind === 'step') step = report.step
      else acknowledged(report.n)
    })
    this.ended = new Promise((resolve, reject) => {
      child.once('close', (code) => {
        if (code !== null && code !== 0) reject(new Error(`The handler's process failed: ${errors.join('').trim()}`))
        else resolve(step)
      })
    })
    // Both of a round are awaited one after the other.
    this.ended.catch(() => undefined)
  }
}
