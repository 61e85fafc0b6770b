import { PGlite } from '@electric-sql/pglite'
import {
  drizzleDatabase,
  knexDatabase,
  kyselyDatabase,
  pgDatabase,
  pgliteDatabase,
  prismaDatabase,
  typeormDatabase,
  type UserDatabase,
} from '@interline/postgres'
import { PrismaPg } from '@prisma/adapter-pg'
import { sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { drizzle as drizzleOnPglite } from 'drizzle-orm/pglite'
import knex from 'knex'
import { Kysely, sql as kyselySql, PostgresDialect } from 'kysely'
import pg from 'pg'
import { DataSource } from 'typeorm'
import { url } from '../postgres-server.js'
import { PrismaClient } from './prisma-client.js'

/** A user's library, and how its user writes and reads with it. */
export interface LibraryRoom<Transaction = unknown> {
  readonly database: UserDatabase<Transaction>
  /** A statement by the library's own means, within its transaction. */
  write(transaction: Transaction, text: string): Promise<unknown>
  /** Outside of transactions. */
  read(text: string): Promise<readonly Record<string, unknown>[]>
  /** What is no transaction, but may be taken for one. */
  readonly mistaken: unknown
  close(): Promise<unknown>
}

function room<Transaction>(made: LibraryRoom<Transaction>): LibraryRoom {
  return made as unknown as LibraryRoom
}

/** Each makes a room on the real server, or in an embedded one. */
export const libraries: Readonly<Record<string, () => Promise<LibraryRoom>>> = {
  async pg() {
    const pool = new pg.Pool({ connectionString: url, max: 4 })
    return room({
      database: pgDatabase(pool),
      write: (client, text) => client.query(text),
      read: async (text) => (await pool.query(text)).rows,
      mistaken: pool,
      close: () => pool.end(),
    })
  },
  async PGlite() {
    const client = await PGlite.create()
    return room({
      database: pgliteDatabase(client),
      write: (transaction, text) => transaction.query(text),
      read: async (text) => (await client.query<Record<string, unknown>>(text)).rows,
      mistaken: client,
      close: () => client.close(),
    })
  },
  async Drizzle() {
    const pool = new pg.Pool({ connectionString: url, max: 4 })
    const db = drizzle(pool)
    return room({
      database: drizzleDatabase(db),
      write: (transaction, text) => transaction.execute(drizzleSql.raw(text)),
      read: async (text) => (await db.execute(drizzleSql.raw(text))).rows,
      mistaken: db,
      close: () => pool.end(),
    })
  },
  async 'Drizzle on PGlite'() {
    const client = await PGlite.create()
    const db = drizzleOnPglite(client)
    return room({
      database: drizzleDatabase(db),
      write: (transaction, text) => transaction.execute(drizzleSql.raw(text)),
      read: async (text) => (await db.execute(drizzleSql.raw(text))).rows,
      mistaken: db,
      close: () => client.close(),
    })
  },
  async Kysely() {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) }) })
    return room({
      database: kyselyDatabase(db),
      write: (transaction, text) => kyselySql.raw(text).execute(transaction),
      read: async (text) => (await kyselySql.raw<Record<string, unknown>>(text).execute(db)).rows,
      mistaken: db,
      close: () => db.destroy(),
    })
  },
  async TypeORM() {
    const source = await new DataSource({ type: 'postgres', url, poolSize: 4 }).initialize()
    return room({
      database: typeormDatabase(source),
      write: (manager, text) => manager.query(text),
      read: (text) => source.query(text),
      mistaken: source.manager,
      close: () => source.destroy(),
    })
  },
  async Prisma() {
    const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 4 }) })
    return room({
      database: prismaDatabase(client),
      write: (transaction, text) => transaction.$executeRawUnsafe(text),
      read: (text) => client.$queryRawUnsafe(text),
      mistaken: client,
      close: () => client.$disconnect(),
    })
  },
  async Knex() {
    const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 4 } })
    return room({
      database: knexDatabase(db),
      write: (transaction, text) => transaction.raw(text),
      read: async (text) => (await db.raw<{ rows: Record<string, unknown>[] }>(text)).rows,
      mistaken: db,
      close: () => db.destroy(),
    })
  },
}
