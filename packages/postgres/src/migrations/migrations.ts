import type { StoreNames } from '../store-names.js'
import { appendFunction } from './append-function.js'
import { boundFunction } from './bound-function.js'
import { deleteStreamFunction } from './delete-stream-function.js'
import { eventStoreTables } from './event-store-tables.js'
import { placeFunction } from './place-function.js'

/** One step of a store's schema. What was released never changes: a change is a new step. */
export interface Migration {
  readonly name: string
  readonly statements: (names: StoreNames) => string
}

/** In order; the first is version 1. */
export const eventStoreMigrations: readonly Migration[] = [
  {
    name: 'event-store',
    statements: (names) =>
      [eventStoreTables, placeFunction, appendFunction, deleteStreamFunction, boundFunction].map((part) => part(names)).join('\n'),
  },
]
