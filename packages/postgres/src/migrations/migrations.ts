import type { StoreNames } from '../store-names.js'
import { appendFunction, boundFunction, deleteStreamFunction, placeFunction } from './event-store-functions.js'
import { eventStoreTables } from './event-store-tables.js'

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
