import type { GroupEngine } from '../delivery/group-engine.js'
import type { WireMessage } from '../ports/message.js'
import type { GroupConsumer } from './group-consumers.js'

interface Expected {
  /** Those that have not been through with it yet. */
  readonly engines: Set<GroupEngine>
  readonly done: () => void
}

/** Publishes that wait until every handler of this process had a first attempt at their message. */
export class FirstAttempts {
  readonly #expected = new Map<WireMessage, Expected>()

  /** Before it is published: resolves when each of the consumers that will get it has been through with it once, or is gone. */
  expect(message: WireMessage, consumers: readonly GroupConsumer[]): Promise<void> {
    const { destination, target, deliverAt } = message
    const wanted = consumers.filter((each) => each.destination === destination && (target === undefined || target.group === each.group))
    if (wanted.length === 0 || deliverAt !== undefined) return Promise.resolve()
    return new Promise((done) => this.#expected.set(message, { engines: new Set(wanted.map(({ engine }) => engine)), done }))
  }

  /** It was not accepted after all. */
  forget(message: WireMessage): void {
    this.#expected.delete(message)
  }

  /** May be told more than once of one message. */
  made(message: WireMessage, engine: GroupEngine): void {
    if (this.#expected.size === 0) return
    const expected = this.#expected.get(message)
    if (expected !== undefined) this.#without(message, expected, engine)
  }

  /** Nothing more will be attempted there. */
  ended(engine: GroupEngine): void {
    for (const [message, expected] of this.#expected) this.#without(message, expected, engine)
  }

  #without(message: WireMessage, { engines, done }: Expected, engine: GroupEngine): void {
    if (!engines.delete(engine) || engines.size > 0) return
    this.#expected.delete(message)
    done()
  }
}
