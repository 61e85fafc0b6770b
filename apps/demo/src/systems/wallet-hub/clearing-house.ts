import { sql } from 'drizzle-orm'
import type { Database } from './database.js'

/** Stands for a service of somebody else's, which is away at times and takes the same request once. */
export class ClearingHouse {
  isOpen = true
  #refused = 0
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  get refused(): number {
    return this.#refused
  }

  async settle(eventId: string): Promise<void> {
    if (!this.isOpen) {
      this.#refused++
      throw new Error('The clearing house does not answer.')
    }
    await this.#database.drizzle.execute(sql`INSERT INTO settlements VALUES (${eventId}) ON CONFLICT DO NOTHING`)
  }
}
