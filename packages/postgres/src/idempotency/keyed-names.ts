import { createHash } from 'node:crypto'
import { TableNames } from '../table-names.js'

/** What an idempotency store, or a store of operations, has in its schema: one table. */
export class KeyedNames extends TableNames {
  get keys(): string {
    return this.named('')
  }
}

/** Long keys become their hash: there may be millions of them, and an index holds only so much. */
export function shortKey(key: string): string {
  return key.length <= 40 && !key.includes('\0') ? key : createHash('sha256').update(key).digest('base64url')
}
