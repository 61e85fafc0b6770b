import type { Kind, Payload, PayloadOf } from '../payloads.js'

type Sentences = { readonly [K in Kind]?: (payload: PayloadOf<K>) => string }

const sentences: Sentences = {
  push: ({ commits, ref }) => `pushed ${counted(commits.length, 'commit')} to ${branch(ref)}`,
  create: ({ ref_type, ref }) => `created ${ref_type} ${ref}`,
  delete: ({ ref_type, ref }) => `deleted ${ref_type} ${ref}`,
  fork: ({ forkee }) => `forked it to ${forkee.full_name}`,
  gollum: ({ pages }) => `edited ${counted(pages.length, 'wiki page')}`,
  commit_comment: ({ comment }) => `commented on commit ${comment.commit_id.slice(0, 7)}`,
  release: ({ action, release }) => `${action} release ${release.tag_name}`,
  issues: ({ action, issue }) => `${action} issue #${issue.number}, ${quoted(issue.title)}`,
  issue_comment: ({ action, issue }) => `${action} a comment on #${issue.number}, ${quoted(issue.title)}`,
  discussion: ({ action, discussion }) => `${action} discussion #${discussion.number}, ${quoted(discussion.title)}`,
  pull_request: ({ action, pull_request: { number, title } }) => `${words(action)} pull request #${number}, ${quoted(title)}`,
  pull_request_review: ({ action, review, pull_request: { number } }) => `${action} a review of #${number}: ${words(review.state)}`,
  check_run: ({ action, check_run: { name, conclusion } }) => `${words(action)} check ${quoted(name)}${outcome(conclusion)}`,
  check_suite: ({ action, check_suite: { head_branch, conclusion } }) => `${words(action)} checks of ${head_branch}${outcome(conclusion)}`,
  status: ({ state, context, sha }) => `reported ${state} by ${context} on ${sha.slice(0, 7)}`,
  workflow_run: ({ action, workflow_run: { name, conclusion } }) => `${words(action)} workflow ${quoted(name)}${outcome(conclusion)}`,
  workflow_job: ({ action, workflow_job: { name } }) => `${words(action)} job ${quoted(name)}`,
  deployment: ({ deployment }) => `asked for a deployment to ${deployment.environment}`,
  deployment_status: ({ deployment_status: { state, environment } }) => `reported ${words(state)} for ${environment}`,
  milestone: ({ action, milestone }) => `${action} milestone ${quoted(milestone.title)}`,
  label: ({ action, label }) => `${action} label ${quoted(label.name)}`,
  member: ({ action, member }) => `${action} collaborator ${member.login}`,
  membership: ({ action, member, team }) => `${action} ${member.login}, team ${team.name}`,
  branch_protection_rule: ({ action, rule }) => `${action} the protection of ${rule.name}`,
  code_scanning_alert: ({ action, alert }) => `${words(action)}: ${quoted(alert.rule.description)}`,
  dependabot_alert: ({ action, alert }) => `${words(action)}: ${quoted(alert.security_advisory.summary)}`,
  security_advisory: ({ action, security_advisory }) => `${action} advisory ${quoted(security_advisory.summary)}`,
  star: ({ action }) => (action === 'created' ? 'gave it a star' : 'took the star back'),
  watch: () => 'began to watch',
  public: () => 'made it public',
}

/** What was done, in words that a person reads. */
export function sentenceFor(kind: string, payload: Payload): string {
  const sentence = (sentences as Readonly<Record<string, ((payload: never) => string) | undefined>>)[kind]
  if (sentence !== undefined) return sentence(payload as never)
  return payload.action === undefined ? `sent ${words(kind)}` : `${words(payload.action)} ${words(kind)}`
}

function words(text: string): string {
  return text.replaceAll(/[_-]/g, ' ')
}

function quoted(text: string): string {
  return `“${text.length > 48 ? `${text.slice(0, 47).trimEnd()}…` : text}”`
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function branch(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, '')
}

function outcome(conclusion: string | null): string {
  return conclusion === null ? '' : `: ${words(conclusion)}`
}
