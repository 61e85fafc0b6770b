/** How many points a deed is worth, by its kind. */
const worth: Readonly<Record<number, string>> = {
  1: `check_run check_suite deployment deployment_status fork github_app_authorization gollum installation installation_repositories
    label marketplace_purchase member membership meta org_block organization page_build ping project project_card project_column
    projects_v2_item public repository repository_dispatch repository_import star status team team_add watch workflow_dispatch
    workflow_job workflow_run`,
  2: 'branch_protection_rule create delete deploy_key milestone package push',
  3: 'commit_comment discussion_comment issue_comment pull_request_review_thread',
  5: 'code_scanning_alert dependabot_alert discussion issues pull_request_review_comment repository_vulnerability_alert',
  8: 'merge_group pull_request pull_request_review sponsorship',
  10: 'release',
}

/** What deeds are worth. A kind that nobody has thought of is no deed of no points: it waits until somebody has. */
export class RuleBook {
  readonly #points = new Map(
    Object.entries(worth).flatMap(([points, kinds]) => kinds.split(/\s+/).map((kind) => [kind, Number(points)] as const)),
  )

  pointsFor(kind: string): number {
    const points = this.#points.get(kind)
    if (points === undefined) throw new Error(`The rule book has no points for "${kind}". Add a rule, then redrive.`)
    return points
  }

  add(kind: string, points: number): void {
    this.#points.set(kind, points)
  }
}

export function levelFor(points: number): number {
  return 1 + Math.floor(Math.sqrt(points / 10))
}

/** What badges are given for. */
export interface Achievements {
  readonly points: number
  readonly kinds: ReadonlyMap<string, number>
}

export const badges: Readonly<Record<string, (achieved: Achievements) => boolean>> = {
  newcomer: ({ kinds }) => kinds.size >= 1,
  polyglot: ({ kinds }) => kinds.size >= 5,
  reviewer: ({ kinds }) => (kinds.get('pull_request_review') ?? 0) >= 3,
  centurion: ({ points }) => points >= 100,
}

const dayMs = 86_400_000

/** The most days on end, whatever the order in which they became known. */
export function longestStreak(days: Iterable<string>): number {
  let [longest, current, before] = [0, 0, Number.NaN]
  for (const day of [...days].sort().map((text) => Date.parse(text))) {
    current = day - before === dayMs ? current + 1 : 1
    longest = Math.max(longest, current)
    before = day
  }
  return longest
}
