import { definitions } from './definitions.js'
import type { Labels } from './families.js'
import type { HandledRecord, OperatedRecord } from './recording.js'

const settling: ReadonlySet<string> = new Set(['ack', 'retry', 'dead-letter'])

/** Labels of a definition, by its order; what is empty is left out. */
export function labelled(names: readonly string[], values: readonly string[]): Labels {
  const labels: Record<string, string> = {}
  names.forEach((name, index) => {
    const value = values[index]
    if (value !== undefined && value !== '') labels[name] = value
  })
  return labels
}

export function operationLabels({ broker, destination, operation, kind = '' }: Omit<OperatedRecord, 'durationMs'>): Labels {
  const type = settling.has(operation) ? 'settle' : operation
  return labelled(definitions.operationDuration.labels, [broker, operation, type, destination, kind])
}

export function processLabels(record: Pick<HandledRecord, 'broker' | 'destination' | 'group' | 'handler' | 'kind'>): Labels {
  const { broker, destination, group, handler, kind = '' } = record
  return labelled(definitions.processDuration.labels, [broker, 'process', 'process', destination, group, handler, kind])
}
