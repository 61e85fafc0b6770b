import type { Migration } from '../../database/migrate.js'
import type { OutboxNames } from '../outbox-names.js'
import { entryFunctions } from './entry-functions.js'
import { ownershipFunctions } from './ownership-functions.js'
import { outboxTables } from './tables.js'

/** In order; the first is version 1. Statements end with `;` and an empty line, by which a library that takes one at a time is given them. */
export const outboxMigrations: readonly Migration<OutboxNames>[] = [
  {
    name: 'outbox',
    statements: (names) => [outboxTables, ownershipFunctions, entryFunctions].map((part) => part(names)).join('\n'),
  },
]
