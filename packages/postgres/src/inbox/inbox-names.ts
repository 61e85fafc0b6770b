import { createHash } from 'node:crypto'
import { TableNames } from '../table-names.js'

/** What an inbox has in its schema. */
export class InboxNames extends TableNames {
  /** What was handled. */
  get handled(): string {
    return this.named('')
  }

  /** The space of its locks. */
  get lockSpace(): number {
    return createHash('sha256')
      .update(JSON.stringify([this.schema, this.table, 'inbox']))
      .digest()
      .readInt32BE(0)
  }
}
