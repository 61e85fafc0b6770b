import { defineEvent, type EventMetadata, EventPriority, staticSchema } from 'interline'
import { type Kind, kinds, type Payload, subjectOf } from './payloads.js'

/** What handlers of any kind get. */
export interface GithubEvent {
  readonly type: string
  readonly data: Payload
  readonly metadata: EventMetadata
}

/** Part of the topic, `github.<area>.<kind>`, so that a handler can ask for an area by pattern. */
export type Area = 'security' | 'code' | 'review' | 'checks' | 'planning' | 'people' | 'account'

const areas: Readonly<Record<Exclude<Area, 'account'>, readonly string[]>> = {
  security: [
    'branch_protection_rule',
    'code_scanning_alert',
    'dependabot_alert',
    'deploy_key',
    'member',
    'membership',
    'org_block',
    'organization',
    'public',
    'repository_vulnerability_alert',
    'secret_scanning_alert',
    'security_advisory',
  ],
  code: ['push', 'create', 'delete', 'fork', 'gollum', 'commit_comment', 'release', 'package', 'repository', 'repository_import'],
  review: ['pull_request', 'pull_request_review', 'pull_request_review_comment', 'pull_request_review_thread', 'merge_group'],
  checks: ['check_run', 'check_suite', 'status', 'workflow_dispatch', 'workflow_job', 'workflow_run', 'page_build'],
  planning: [
    'issues',
    'issue_comment',
    'label',
    'milestone',
    'discussion',
    'discussion_comment',
    'project',
    'project_card',
    'project_column',
  ],
  people: ['star', 'watch', 'sponsorship', 'team', 'team_add'],
}
const alerts = new Set([
  'code_scanning_alert',
  'dependabot_alert',
  'repository_vulnerability_alert',
  'secret_scanning_alert',
  'security_advisory',
])
const trifles = new Set(['star', 'watch', 'fork', 'ping', 'label'])
const ranks: readonly EventPriority[] = [EventPriority.CRITICAL, EventPriority.HIGH, EventPriority.NORMAL, EventPriority.LOW]

const areaByKind = new Map(Object.entries(areas).flatMap(([area, members]) => members.map((kind) => [kind, area as Area] as const)))

export function areaOf(kind: string): Area {
  if (kind.startsWith('deployment')) return 'checks'
  if (kind.startsWith('projects_v2')) return 'planning'
  return areaByKind.get(kind) ?? 'account'
}

/** Alerts and changes of access are urgent: the hybrid bus sends those both ways. */
export function priorityOf(kind: string): EventPriority {
  if (alerts.has(kind)) return EventPriority.CRITICAL
  if (areaOf(kind) === 'security') return EventPriority.HIGH
  return trifles.has(kind) ? EventPriority.LOW : EventPriority.NORMAL
}

export function rankOf(kind: string): number {
  return ranks.indexOf(priorityOf(kind))
}

/** One destination carries them all, so that everything about a repository keeps its order, whatever its kind. */
const define = (kind: Kind) =>
  defineEvent(`github.${kind}`, {
    topic: `github.${areaOf(kind)}.${kind}`,
    priority: priorityOf(kind),
    schema: staticSchema<Payload>(),
    key: subjectOf,
  })

const definitions = new Map(kinds.map((kind) => [kind, define(kind)]))

/** Makes an event of a payload. */
export function githubEvent(kind: Kind, payload: Payload, metadata: Partial<EventMetadata>) {
  const definition = definitions.get(kind)
  if (definition === undefined) throw new Error(`There is no example of "${kind}".`)
  return definition(payload, metadata)
}

export function kindOf(type: string): string {
  return type.replace(/^github\./, '')
}

/** GitHub names every delivery; one that it sends again has the same name. */
export function deliveryOf({ metadata }: GithubEvent): string {
  return metadata.idempotencyKey ?? metadata.eventId
}
