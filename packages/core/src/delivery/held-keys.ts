import { after } from '../awaitable.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetter } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { WireMessage } from '../ports/message.js'
import { letterId } from './letter.js'
import { type Admission, type LettersOfKeysSettings, lettersOfKeys, nameOf, run, skip, TablePerOwnership } from './letters-of-keys.js'
import { redrivenProgress } from './progress.js'

interface Waiting {
  readonly id: string
  readonly deadAt: number
  readonly parked: boolean
}

/** One key of one handler: its dead letters, oldest first. */
interface Held {
  letters: readonly Waiting[]
  /** The letter whose copy this process has sent on its way last. */
  sent: string | undefined
}

type Table = Map<string, Held>

/**
 * The keys of one group and destination of which an event is dead, where its handler keeps order: whatever follows is parked among the
 * dead letters, behind it. The store is the truth; the owner of a key is the only one that parks, so that a table in memory, loaded for
 * each ownership, says the same. A redrive sends a copy of the first letter; when that was handled, its letter goes and a copy of the next
 * parked one is sent, until none is left. All changes pass through the key's own lane, in the order of its messages.
 */
export class HeldKeys {
  readonly #settings: LettersOfKeysSettings
  readonly #tables: TablePerOwnership<Table> = new TablePerOwnership(() => this.#load())

  constructor(settings: LettersOfKeysSettings) {
    this.#settings = settings
  }

  /** `redriven` is the letter that a redrive named, or '' where it only says that something has changed. */
  admit(handler: string, key: string, delivery: Delivery, redriven: string | undefined): Awaitable<Admission> {
    return after(this.#tables.of(delivery.lost), (table) => {
      if (redriven !== undefined) return this.#admitRedriven(table, handler, key, redriven)
      const held = table.get(nameOf(handler, key))
      const last = held?.letters.at(-1)
      if (held === undefined || last === undefined) return run
      const id = letterId(this.#settings.group, handler, delivery.ref)
      if (held.letters.some((letter) => letter.id === id)) return skip
      return { kind: 'park', behind: last.deadAt }
    })
  }

  /** After a letter was stored. A parked one that finds no dead one before it is on its way at once. */
  stored(letter: DeadLetter, delivery: Delivery): Awaitable<void> {
    const { key } = delivery.message
    if (letter.keepsOrder !== true || key === undefined) return
    return after(this.#tables.of(delivery.lost), (table) => {
      const name = nameOf(letter.handler, key)
      const held = table.get(name) ?? { letters: [], sent: undefined }
      const waiting = waitingOf(letter)
      const known = held.letters.some(({ id }) => id === letter.id)
      held.letters = known ? held.letters.map((each) => (each.id === letter.id ? waiting : each)) : [...held.letters, waiting]
      if (!waiting.parked && held.sent === letter.id) held.sent = undefined
      table.set(name, held)
      return this.#sendHead(table, letter.handler, key, held)
    })
  }

  /** The copy of a letter was handled: the letter goes, and the next one of its key follows. */
  async handled(handler: string, key: string, delivery: Delivery, redriven: string): Promise<void> {
    const table = await this.#tables.of(delivery.lost)
    await this.#settings.insist(() => this.#settings.store.remove([redriven]))
    const held = table.get(nameOf(handler, key))
    if (held === undefined) return
    held.letters = held.letters.filter(({ id }) => id !== redriven)
    await this.#sendHead(table, handler, key, held)
  }

  async #admitRedriven(table: Table, handler: string, key: string, redriven: string): Promise<Admission> {
    const held = await this.#reload(table, handler, key)
    const head = held.letters[0]
    if (head?.id === redriven) return { kind: 'run', deadAt: head.deadAt }
    // somebody asked for one that is not the first: the first comes first
    const wanted = held.letters.some(({ id }) => id === redriven)
    if (wanted) held.sent = undefined
    await this.#sendHead(table, handler, key, held, wanted)
    return skip
  }

  /** Sends a copy of the first letter on its way, where it is parked or was asked for, and none is on its way already. */
  async #sendHead(table: Table, handler: string, key: string, held: Held, wanted = false): Promise<void> {
    for (;;) {
      const head = held.letters[0]
      if (head === undefined) {
        table.delete(nameOf(handler, key))
        return
      }
      if (held.sent === head.id || !(head.parked || wanted)) return
      const { letters } = await this.#settings.insist(() => this.#settings.store.list({ ids: [head.id] }, { limit: 1 }))
      const [letter] = letters
      if (letter !== undefined) {
        await this.#settings.insist(() => this.#settings.publish([copyOf(letter)]))
        held.sent = head.id
        return
      }
      // discarded meanwhile
      held.letters = (await this.#reload(table, handler, key)).letters
    }
  }

  async #reload(table: Table, handler: string, key: string): Promise<Held> {
    const name = nameOf(handler, key)
    const before = table.get(name)
    const found = await lettersOfKeys(this.#settings, { handler, key })
    const held = { letters: found.map(waitingOf), sent: before?.sent }
    if (found.length === 0) table.delete(name)
    else table.set(name, held)
    return held
  }

  #load(): Awaitable<Table> {
    return after(lettersOfKeys(this.#settings, {}), (letters) => {
      const table: Table = new Map()
      for (const letter of letters) {
        const name = nameOf(letter.handler, letter.message.key)
        const held = table.get(name) ?? { letters: [], sent: undefined }
        held.letters = [...held.letters, waitingOf(letter)]
        table.set(name, held)
      }
      return table
    })
  }
}

/** What a redrive sends: the event again, for the one handler whose letter it is. */
export function copyOf({ message, group, handler, id }: DeadLetter): WireMessage {
  const { destination, topic, key, attributes, data } = message
  return { destination, topic, key, attributes, data, target: { group, progress: redrivenProgress(handler, id) } }
}

function waitingOf({ id, deadAt, reason }: DeadLetter): Waiting {
  return { id, deadAt, parked: reason === 'parked' }
}
