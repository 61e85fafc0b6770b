import { createHash } from 'node:crypto'

/** Names of everything that one part of this package has in its schema: all begin with its table's. They are validated by the options, and quoted here. */
export class TableNames {
  readonly schema: string
  readonly table: string

  constructor(schema: string, table: string) {
    this.schema = schema
    this.table = table
  }

  get quotedSchema(): string {
    return `"${this.schema}"`
  }

  get migrations(): string {
    return this.named('_migrations')
  }

  /** The channel of hints; its name says nothing that must be quoted. */
  get channel(): string {
    return `interline_${digest([this.schema, this.table])}`
  }

  /** A number of the schema, for the lock that lets one process at a time make what is in it, and the schema itself. */
  get lockKey(): string {
    return BigInt.asIntN(64, BigInt(`0x${digest([this.schema])}`)).toString()
  }

  index(suffix: string): string {
    return `"${this.table}_${suffix}"`
  }

  protected named(suffix: string): string {
    return `${this.quotedSchema}."${this.table}${suffix}"`
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}
