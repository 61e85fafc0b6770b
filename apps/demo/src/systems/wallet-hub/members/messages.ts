import type { Assignment } from './roles.js'

/** What a process is told. */
export type Order =
  | { readonly kind: 'be'; readonly assignment: Assignment }
  | { readonly kind: 'ask'; readonly number: number; readonly verb: string; readonly words: readonly unknown[] }
  | { readonly kind: 'end' }

/** What it answers, under the number of the question. */
export type Reply = { readonly number: number } & ({ readonly answer: unknown } | { readonly failure: string })
