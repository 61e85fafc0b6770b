import * as core from '@interline/core'
import * as memory from '@interline/memory'
import { expect, it } from 'vitest'
import * as interline from '../src/index.js'

/** What only the authors of adapters and stores need: they depend on core itself. */
const forAuthors = new Set([
  'attributeOfHeader',
  'Bell',
  'BatchError',
  'checkAppend',
  'checkOptions',
  'checkReadAll',
  'checkReadStream',
  'checksAtRunTime',
  'checkStreamName',
  'CloudEventsFormat',
  'conflict',
  'defaultLogger',
  'destinationRule',
  'encodeEvents',
  'eventEncoding',
  'eventFilter',
  'EventStoreBase',
  'filteredOf',
  'HeldLease',
  'HouseKeeping',
  'inboxEntry',
  'isExpected',
  'isNote',
  'isStandardSchema',
  'keepEvent',
  'keptEvent',
  'ManagedEventStore',
  'matchesTopic',
  'modelOfReceivedType',
  'noteName',
  'optionChecks',
  'PageSize',
  'pause',
  'parseWith',
  'priorityRank',
  'ProcessIdempotencyStore',
  'Processor',
  'readAttributes',
  'readStructured',
  'refuseOption',
  'resolveRetention',
  'resolveTarget',
  'Retention',
  'retentionChecks',
  'RetryPolicy',
  'StoredEvents',
  'storedEventsOf',
  'streamDeletedType',
  'structuredContentType',
  'tombstone',
  'typeOfEvent',
  'wasExpected',
  'withStoredEvents',
  'writeAttributes',
  'writeStructured',
])

it('gives what core and memory export, but for what only authors of adapters need', () => {
  const wanted = [...Object.keys(core), ...Object.keys(memory)].filter((name) => !forAuthors.has(name))
  expect(wanted.filter((name) => !(name in interline))).toEqual([])
  expect([...forAuthors].filter((name) => !(name in core))).toEqual([])
})

it('gives the same classes as core and memory, and one EventBus that is also one of core', () => {
  const exported: Readonly<Record<string, unknown>> = { ...interline }
  for (const [name, value] of Object.entries({ ...core, ...memory })) {
    if (name in exported && name !== 'EventBus') expect(exported[name], name).toBe(value)
  }
  expect(new interline.EventBus()).toBeInstanceOf(core.EventBus)
})
