import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Runs a program of this package, named from here, in a process of its own with its orders: what is compiled, also where this file runs from its source. */
export function startProgram(name: string, orders: object, heapMegabytes?: number): ChildProcess {
  const path = fileURLToPath(new URL(name, import.meta.url)).replace(/([\\/])src([\\/][^\\/]+[\\/][^\\/]+)$/, '$1dist$2')
  if (!existsSync(path)) throw new Error('Worker processes run the compiled package, and it is not there. Build first: tsc -b.')
  // Neither the loader nor the environment of the test runner is for the worker.
  const { NODE_OPTIONS: _ours, ...env } = process.env
  const execArgv = heapMegabytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes}`]
  return fork(path, [JSON.stringify(orders)], { execArgv, env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
}
