import type { BrokerChoice, BrokerName, PostgresChoice, StoreChoice, StoreName } from '../places/choices.js'
import type { Check } from '../report/check.js'

/** A small, complete program over the public packages. */
export interface System {
  /** What it is, in one line. */
  readonly title: string
  /** Does its work to the end, closes what it opened, and says what came of it. */
  run(world: World): Promise<SystemReport>
}

/** Where a system runs. Each call answers a place of its own, which is removed after the run. */
export interface World {
  /** As asked for on the command line. */
  readonly brokerName: BrokerName
  readonly storeName: StoreName | undefined
  /** The broker that was asked for, of the same type by default: memory. */
  broker(type?: BrokerName): BrokerChoice
  /** The event store that was asked for, else `type`, else memory. */
  store(type?: StoreName): StoreChoice
  /** PostgreSQL for business data: the server at POSTGRES_URL where `--store postgres` asks for it, else a PGlite in this process. */
  database(): PostgresChoice
  /** A line that stays, for a person. */
  readonly say: (text: string) => void
  /** The person wants it to end. */
  readonly interrupted: AbortSignal
}

export interface SystemReport {
  /** What is worth knowing, in the order of its telling. */
  readonly figures: Readonly<Record<string, number | string>>
  /** Whether it adds up. */
  readonly checks: readonly Check[]
}
