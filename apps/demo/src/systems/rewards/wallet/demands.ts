import { RefusedError } from './errors.js'
import type { Escrow, Wallet } from './movement.js'
import type { Situation } from './rows.js'

export function heldIn({ wallet, escrow }: Situation, escrowId: string): { readonly user: Wallet; readonly escrow: Escrow } {
  if (escrow === null || wallet === null) throw new RefusedError(`There is no escrow "${escrowId}". Give the id that its hold answered.`)
  if (escrow.state !== 'held') throw new RefusedError(`Escrow "${escrowId}" is ${escrow.state} already.`)
  return { user: wallet, escrow }
}

export function checkPoints(name: string, points: number): void {
  if (Number.isSafeInteger(points) && points > 0) return
  throw new RefusedError(`${name} is ${points}; give whole points, 1 or more.`)
}
