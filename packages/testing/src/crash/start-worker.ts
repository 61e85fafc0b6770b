import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { Room } from '../contract/room.js'
import type { WorkerOrders, WorkerReport } from './worker-messages.js'
import { WorkerProcess } from './worker-process.js'

/** How long a process may take to begin, or to take over from one that is gone. */
export const takeOverLimitMs = 15_000

/** A process with the room's broker that consumes, killed at the end of the case at the latest. */
export async function startWorker(
  room: Room,
  orders: Partial<WorkerOrders>,
  listen?: (report: WorkerReport) => void,
): Promise<WorkerProcess> {
  const { module, args = [] } = room.options.processes ?? assert.fail()
  const path = module instanceof URL ? fileURLToPath(module) : module
  const order = room.capabilities.order === 'key' ? 'key' : 'none'
  const defaults = { service: 'suite', name: 'seen', order, concurrency: 4, maxAttempts: 5, workMs: 5 } as const
  const worker = await WorkerProcess.start(
    { module: path, args, namespace: room.namespace, ...defaults, ...orders },
    { limitMs: takeOverLimitMs, listen },
  )
  room.defer(() => worker.kill())
  return worker
}
