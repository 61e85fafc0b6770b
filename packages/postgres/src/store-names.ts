import { createHash } from 'node:crypto'

/** Names of everything that a store has in its schema. They are validated by the options, and quoted here. */
export class StoreNames {
  readonly schema: string
  readonly table: string

  constructor(schema: string, table: string) {
    this.schema = schema
    this.table = table
  }

  get quotedSchema(): string {
    return `"${this.schema}"`
  }

  get events(): string {
    return this.#named('')
  }

  get streams(): string {
    return this.#named('_streams')
  }

  get checkpoints(): string {
    return this.#named('_checkpoints')
  }

  get leases(): string {
    return this.#named('_leases')
  }

  get migrations(): string {
    return this.#named('_migrations')
  }

  /** The sequence of positions. */
  get position(): string {
    return this.#named('_position')
  }

  get append(): string {
    return this.#named('_append')
  }

  get deleteStream(): string {
    return this.#named('_delete_stream')
  }

  get bound(): string {
    return this.#named('_bound')
  }

  /** The channel of hints; its name says nothing that must be quoted. */
  get channel(): string {
    return `interline_${digest([this.schema, this.table])}`
  }

  index(suffix: string): string {
    return `"${this.table}_${suffix}"`
  }

  /** A number of the schema, for the lock that lets one process at a time make what is in it, and the schema itself. */
  get lockKey(): string {
    return BigInt.asIntN(64, BigInt(`0x${digest([this.schema])}`)).toString()
  }

  #named(suffix: string): string {
    return `${this.quotedSchema}."${this.table}${suffix}"`
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}
