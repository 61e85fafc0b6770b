import type { System } from './system.js'

/** Loaded when it is asked for, and in this order when all are. */
const catalogue: Readonly<Record<string, () => Promise<{ readonly system: System }>>> = {
  rewards: () => import('./rewards/index.js'),
  scoring: () => import('./scoring/index.js'),
  gamifier: () => import('./gamifier/index.js'),
  login: () => import('./login/index.js'),
  'wallet-hub': () => import('./wallet-hub/index.js'),
}

export const systemNames: readonly string[] = Object.keys(catalogue)

export async function systemNamed(name: string): Promise<System> {
  const load = catalogue[name]
  if (load === undefined) throw new Error(`There is no system "${name}".`)
  return (await load()).system
}
