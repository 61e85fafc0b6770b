import type { IEventStore } from '@interline/core'
import type { StoreCase } from '../store-suite.js'
import { appendingCases } from './appending.js'
import { badInputCases } from './bad-input.js'
import { encryptionCases } from './encryption.js'
import { endingCases } from './ending.js'
import { filterCases } from './filters.js'
import { keepingCases } from './keeping.js'
import { processorCases } from './processors.js'
import { readAllCases } from './reading-all.js'
import { streamCases } from './reading-streams.js'
import { subscriptionCases } from './subscriptions.js'
import { tailCases } from './tailing.js'
import { busCases } from './with-a-bus.js'

const cases = [
  ...appendingCases,
  ...streamCases,
  ...readAllCases,
  ...tailCases,
  ...filterCases,
  ...keepingCases,
  ...processorCases,
  ...subscriptionCases,
  ...endingCases,
  ...badInputCases,
  ...busCases,
  ...encryptionCases,
]

/** In the order of their ids. */
export const eventStoreCases: readonly StoreCase<IEventStore>[] = [...cases].sort((left, right) => left.id.localeCompare(right.id))
