import type { Migration } from '../../database/migrate.js'
import type { StoreNames } from '../store-names.js'
import { appendFunction } from './append-function.js'
import { boundFunction } from './bound-function.js'
import { deleteStreamFunction } from './delete-stream-function.js'
import { partitionFunction } from './partition-function.js'
import { placeFunction } from './place-function.js'
import { eventStoreTables } from './tables.js'

/** In order; the first is version 1. */
export const eventStoreMigrations: readonly Migration<StoreNames>[] = [
  {
    name: 'event-store',
    statements: (names) =>
      [eventStoreTables, partitionFunction, placeFunction, appendFunction, deleteStreamFunction, boundFunction]
        .map((part) => part(names))
        .join('\n'),
  },
]
