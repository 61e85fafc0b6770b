import { createRequire } from 'node:module'
import type { WebhookDefinition } from '@octokit/webhooks-examples'

/** A kind of webhook, as GitHub names it: `push`, `issues`, `pull_request`. */
export type Kind = WebhookDefinition['name']
export type PayloadOf<K extends Kind> = WebhookDefinition<K>['examples'][number]

/** What is asked of a payload of any kind. */
export interface Payload {
  readonly action?: string
  readonly sender?: { readonly login: string }
  readonly repository?: { readonly full_name: string }
  readonly organization?: { readonly login: string }
  readonly installation?: { readonly account?: { readonly login: string } }
  readonly security_advisory?: { readonly ghsa_id: string }
}

export interface Example {
  readonly kind: Kind
  readonly payload: Payload
}

const require = createRequire(import.meta.url)
const definitions = require('@octokit/webhooks-examples') as readonly WebhookDefinition[]

export const kinds: readonly Kind[] = definitions.map(({ name }) => name)

/** All real payloads, one of each kind in turn, beginning with the kinds that `rank` puts first: traffic is mixed, too. */
export function mixedExamples(rank: (kind: Kind) => number): readonly Example[] {
  const sorted = [...definitions].sort((left, right) => rank(left.name) - rank(right.name))
  const longest = Math.max(...sorted.map(({ examples }) => examples.length))
  return Array.from({ length: longest }, (_, round) =>
    sorted.flatMap(({ name, examples }) => {
      const payload = examples[round] as Payload | undefined
      return payload === undefined ? [] : [{ kind: name, payload }]
    }),
  ).flat()
}

/** What the event is about: a repository where there is one, else an organization, an account, an advisory, a person. */
export function subjectOf(payload: Payload): string | undefined {
  return (
    payload.repository?.full_name ??
    payload.organization?.login ??
    payload.installation?.account?.login ??
    payload.security_advisory?.ghsa_id ??
    payload.sender?.login
  )
}
