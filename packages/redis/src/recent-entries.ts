import { createHash } from 'node:crypto'
import type { BrokerContext } from './context.js'

const most = 100

interface Entry {
  readonly id: string
  readonly mark: string
}

/**
 * What was read last of a stream. A server that takes over may lack the newest of it, and, where its clock is behind, gives ids to new
 * entries that lie before the position of a reader.
 */
export class RecentEntries {
  #entries: Entry[] = []
  #before: string | undefined

  add(id: string, fields: readonly string[], before: string): void {
    this.#before ??= before
    this.#entries.push({ id, mark: markOf(fields) })
    if (this.#entries.length < most * 2) return
    this.#before = this.#entries[most - 1]?.id
    this.#entries = this.#entries.slice(most)
  }

  /** The id of the newest that the server still has, behind which all is new. Where it has none of them, the one before all of them. */
  async common(context: BrokerContext, key: string): Promise<string | undefined> {
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const { id, mark } = this.#entries[index] as Entry
      const [entry] = await context.control.at(key).run((client) => client.xrange(key, id, id))
      if (entry === undefined || markOf(entry[1]) !== mark) continue
      this.#entries.length = index + 1
      return id
    }
    this.#entries = []
    return this.#before
  }
}

function markOf(fields: readonly string[]): string {
  const at = fields.indexOf('ce_id')
  // an event as a whole may be large
  return at === -1 ? createHash('sha1').update(fields.join()).digest('base64') : (fields[at + 1] ?? '')
}
