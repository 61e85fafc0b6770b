import { abortCases } from '../cases/abort.js'
import { crashCases } from '../cases/crash.js'
import { deadLetterCases } from '../cases/dead-letters.js'
import { dedupCases } from '../cases/dedup.js'
import { flowCases } from '../cases/flow.js'
import { foreignCases } from '../cases/foreign.js'
import { groupCases } from '../cases/groups.js'
import { honestyCases } from '../cases/honest.js'
import { keptOrderCases } from '../cases/kept-order.js'
import { lifecycleCases } from '../cases/lifecycle.js'
import { limitCases } from '../cases/limits.js'
import { orderCases } from '../cases/order.js'
import { parkedKeyCases } from '../cases/parked-keys.js'
import { patternCases } from '../cases/patterns.js'
import { publishCases } from '../cases/publish.js'
import { retryCases } from '../cases/retry.js'
import { serverCases } from '../cases/servers.js'
import type { BrokerCase } from './broker-case.js'

/** The contract, in the order of its ids. */
export const brokerCases: readonly BrokerCase[] = [
  ...publishCases,
  ...orderCases,
  ...retryCases,
  ...lifecycleCases,
  ...abortCases,
  ...groupCases,
  ...deadLetterCases,
  ...keptOrderCases,
  ...parkedKeyCases,
  ...dedupCases,
  ...patternCases,
  ...honestyCases,
  ...limitCases,
  ...flowCases,
  ...foreignCases,
  ...serverCases,
  ...crashCases,
].sort((left, right) => left.id.localeCompare(right.id))
