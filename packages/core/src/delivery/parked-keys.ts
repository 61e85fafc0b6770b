import { after, isPromise } from '../awaitable.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { DeadLetter } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { WireMessage } from '../ports/message.js'
import { InOrder } from './in-order.js'
import { letterId } from './letter.js'
import {
  type Admission,
  type LetterOfKey,
  type LettersOfKeysSettings,
  lettersOfKeys,
  nameOf,
  run,
  skip,
  TablePerOwnership,
} from './letters-of-keys.js'
import { encodeProgress, type ParkedCopy } from './progress.js'

export interface ParkedKeysSettings extends LettersOfKeysSettings {
  readonly clock: IClock
}

interface Parked {
  readonly id: string
  readonly parkedAt: number
  /** After how many attempts it was put here: a copy of another turn is an old one. */
  readonly turn: number
  /** Set for the first of a key, where it waits for its next attempt. */
  readonly dueAt: number | undefined
}

/** One key of one handler: what waits, in its order. */
interface Queue {
  readonly letters: Map<string, Parked>
  /** Those whose copies are on their way. */
  readonly sent: Set<string>
  lastAt: number
}

type Table = Map<string, Queue>

/** How many copies of one key are on their way at once, where nothing keeps them waiting. */
const most = 100
/** A copy that is later than this when its key gets a new owner may have been lost with the old one. */
const lateMs = 1_000

/**
 * The keys of one group and destination of which an event waits long for its next attempt. They hold no place in the window: the event
 * and all that follow it lie in the parking place, and a copy of the first comes back by the broker when it is due. When that was handled,
 * copies of the next follow. Only the owner of a key changes what lies there, in the key's own lane; a table in memory says the same, and
 * is loaded anew with each ownership.
 */
export class ParkedKeys {
  readonly #settings: ParkedKeysSettings
  readonly #tables: TablePerOwnership<Table>
  readonly #adding: InOrder<DeadLetter>
  readonly #removing: InOrder<string>

  constructor(settings: ParkedKeysSettings) {
    const { store, insist } = settings
    this.#settings = settings
    this.#tables = new TablePerOwnership(() => this.#load())
    this.#adding = new InOrder(async (letters) => insist(() => store.add(letters)))
    this.#removing = new InOrder(async (ids) => insist(() => store.remove(ids)))
  }

  /** `copy` is what the delivery is a copy of, where it is one. */
  admit(handler: string, key: string, delivery: Delivery, copy: ParkedCopy | undefined): Awaitable<Admission> {
    const table = this.#tables.of(delivery.lost)
    return isPromise(table)
      ? table.then((loaded) => this.#admit(loaded, handler, key, delivery, copy))
      : this.#admit(table, handler, key, delivery, copy)
  }

  /** Puts a letter last of its key, or where it was. At once for what comes after it; resolves when it is kept, and on its way where it is first. */
  put(letter: DeadLetter, key: string, delivery: Delivery): Promise<void> {
    const name = nameOf(letter.handler, key)
    const kept = after(this.#tables.of(delivery.lost), (table) => {
      const queue = table.get(name) ?? { letters: new Map(), sent: new Set(), lastAt: 0 }
      queue.letters.set(letter.id, parkedOf(letter))
      queue.sent.delete(letter.id)
      queue.lastAt = Math.max(queue.lastAt, letter.deadAt)
      table.set(name, queue)
      return this.#adding.add(letter).then(() => this.#send(table, name, queue))
    })
    return Promise.resolve(kept)
  }

  /** The copy of a letter is through: the letter goes, and the next of its key follow. At once for what comes after it; resolves when that is kept. */
  async passed(handler: string, key: string, delivery: Delivery, id: string): Promise<void> {
    const loaded = this.#tables.of(delivery.lost)
    const table = isPromise(loaded) ? await loaded : loaded
    const name = nameOf(handler, key)
    const queue = table.get(name)
    queue?.letters.delete(id)
    queue?.sent.delete(id)
    const removed = this.#removing.add(id)
    await Promise.all([removed, queue === undefined ? undefined : this.#send(table, name, queue)])
  }

  #admit(table: Table, handler: string, key: string, delivery: Delivery, copy: ParkedCopy | undefined): Awaitable<Admission> {
    if (copy !== undefined) return this.#admitCopy(table, handler, key, copy)
    if (table.size === 0) return run
    const name = nameOf(handler, key)
    const queue = table.get(name)
    if (queue === undefined) return run
    // its acknowledgement was lost, and perhaps the copy of the first with it
    if (queue.letters.has(letterId(this.#settings.group, handler, delivery.ref))) return this.#send(table, name, queue).then(() => skip)
    return { kind: 'park', behind: queue.lastAt }
  }

  #admitCopy(table: Table, handler: string, key: string, copy: ParkedCopy): Awaitable<Admission> {
    const name = nameOf(handler, key)
    const queue = table.get(name)
    if (queue?.letters.has(copy.id) === true) return this.#judge(table, name, queue, copy)
    // passed already, or put there by an owner before
    return this.#reload(table, handler, key).then((found) => (found === undefined ? skip : this.#judge(table, name, found, copy)))
  }

  #judge(table: Table, name: string, queue: Queue, { id, turn }: ParkedCopy): Awaitable<Admission> {
    const letter = queue.letters.get(id)
    const first = firstOf(queue)
    if (letter !== undefined && letter === first && letter.turn === turn) return { kind: 'run', deadAt: letter.parkedAt }
    // it comes again when those before it are through
    if (letter !== first) queue.sent.delete(id)
    return this.#send(table, name, queue).then(() => skip)
  }

  /** Puts copies of the first letter, and of those that need not wait behind it, on their way. */
  async #send(table: Table, name: string, queue: Queue): Promise<void> {
    const { store, insist, publish, clock } = this.#settings
    for (;;) {
      const wanted = nextOf(queue)
      if (wanted.length === 0) {
        if (queue.letters.size === 0 && table.get(name) === queue) table.delete(name)
        return
      }
      for (const id of wanted) queue.sent.add(id)
      try {
        await this.#adding.passed()
        const { letters } = await insist(() => store.list({ ids: wanted }, { limit: wanted.length }))
        const found = new Map(letters.map((letter) => [letter.id, letter]))
        const copies = wanted.flatMap((id) => found.get(id) ?? []).map((letter) => copyOf(letter, clock.now()))
        if (copies.length > 0) await insist(() => publish(copies))
        const gone = wanted.filter((id) => !found.has(id))
        if (gone.length === 0) return
        // an owner before was through with them after all
        for (const id of gone) queue.letters.delete(id)
      } catch (thrown) {
        for (const id of wanted) queue.sent.delete(id)
        throw thrown
      }
    }
  }

  async #reload(table: Table, handler: string, key: string): Promise<Queue | undefined> {
    await this.#written()
    const name = nameOf(handler, key)
    const sent = table.get(name)?.sent ?? new Set<string>()
    const letters = await lettersOfKeys(this.#settings, { handler, key })
    if (letters.length === 0) {
      table.delete(name)
      return undefined
    }
    const queue: Queue = { letters: new Map(), sent, lastAt: 0 }
    for (const letter of letters) append(queue, letter)
    table.set(name, queue)
    return queue
  }

  #load(): Awaitable<Table> {
    const load = (): Awaitable<Table> => after(lettersOfKeys(this.#settings, {}), (letters) => this.#tableOf(letters))
    return this.#adding.busy || this.#removing.busy ? this.#written().then(load) : load()
  }

  /** What is on its way to the store belongs to what is there. */
  async #written(): Promise<void> {
    await Promise.all([this.#adding.passed(), this.#removing.passed()])
  }

  #tableOf(letters: readonly LetterOfKey[]): Table {
    const table: Table = new Map()
    for (const letter of letters) {
      const name = nameOf(letter.handler, letter.message.key)
      const queue = table.get(name) ?? { letters: new Map(), sent: new Set(), lastAt: 0 }
      append(queue, letter)
      table.set(name, queue)
    }
    const late = this.#settings.clock.now() - lateMs
    for (const [name, queue] of table) {
      // rejects only where the bus closes, and then the next owner does it
      if ((firstOf(queue)?.dueAt ?? 0) < late) this.#send(table, name, queue).catch(() => undefined)
    }
    return table
  }
}

function append(queue: Queue, letter: DeadLetter): void {
  queue.letters.set(letter.id, parkedOf(letter))
  queue.lastAt = Math.max(queue.lastAt, letter.deadAt)
}

function parkedOf({ id, deadAt, attempts, dueAt }: DeadLetter): Parked {
  return { id, parkedAt: deadAt, turn: attempts, dueAt }
}

function firstOf({ letters }: Queue): Parked | undefined {
  return letters.values().next().value
}

/** The first, where it is not on its way, and as many of the next as may follow at once. */
function nextOf(queue: Queue): readonly string[] {
  const next: string[] = []
  for (const { id, dueAt } of queue.letters.values()) {
    if (queue.sent.has(id)) {
      if (next.length === 0) return next
      continue
    }
    next.push(id)
    if (dueAt !== undefined || next.length === most) return next
  }
  return next
}

/** The event again, for the one handler, to go on where it was. */
function copyOf({ message, group, handler, id, attempts, firstAttemptAt, dueAt = 0 }: DeadLetter, now: number): WireMessage {
  const { destination, topic, key, attributes, data } = message
  const progress = encodeProgress({
    firstAttemptAt: attempts === 0 ? 0 : firstAttemptAt,
    handlers: new Map([[handler, { started: attempts, dueAt }]]),
    parked: { id, turn: attempts },
  })
  const deliverAt = dueAt > now ? dueAt : undefined
  return { destination, topic, key, attributes, data, deliverAt, target: { group, progress } }
}
