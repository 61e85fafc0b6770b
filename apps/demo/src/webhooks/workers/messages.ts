import type { RedisChoice } from '../../places/choices.js'
import type { Severity } from '../handlers/severity-scale.js'

export interface WorkerSettings {
  readonly choice: RedisChoice
  readonly stumblesOver: string
}

/** What a worker is told. */
export type Order =
  | { readonly kind: 'start'; readonly settings: WorkerSettings }
  | { readonly kind: 'learn'; readonly word: string; readonly severity: Severity }
  | { readonly kind: 'stop' }

/** What a worker answers. */
export type Answer = { readonly kind: 'ready' | 'learned' } | { readonly kind: 'failed'; readonly message: string }
