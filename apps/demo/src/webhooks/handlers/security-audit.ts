import type { HandlerContext } from 'interline'
import { deliveryOf, type GithubEvent, kindOf } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'
import { type Kind, type Payload, type PayloadOf, subjectOf } from '../payloads.js'
import { sentenceFor } from './sentences.js'
import { type Severity, SeverityScale } from './severity-scale.js'

/** Attempts until an event that the audit can't judge becomes a dead letter. */
export const auditAttempts = 3

type Judges = { readonly [K in Kind]?: (payload: PayloadOf<K>, scale: SeverityScale) => Severity }

const judges: Judges = {
  code_scanning_alert: ({ alert }, scale) => scale.severityOf(alert.rule.severity ?? 'none'),
  dependabot_alert: ({ alert }, scale) => scale.severityOf(alert.security_advisory.severity),
  repository_vulnerability_alert: ({ alert }, scale) => scale.severityOf(alert.severity),
  secret_scanning_alert: ({ action }) => (action === 'created' || action === 'reopened' ? 'critical' : 'low'),
  security_advisory: ({ security_advisory }, scale) => scale.severityOf(security_advisory.severity),
  branch_protection_rule: ({ action }) => (action === 'created' ? 'low' : 'high'),
  public: () => 'high',
  member: () => 'medium',
  deploy_key: ({ key }) => (key.read_only ? 'medium' : 'high'),
  organization: () => 'medium',
}

/** Everything that touches security, with how bad it is. */
export class SecurityAudit {
  readonly #ledger: Ledger
  readonly #scale = new SeverityScale()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  readonly handle = async (event: GithubEvent, { handler }: HandlerContext): Promise<void> => {
    const kind = kindOf(event.type)
    const severity = this.#judge(kind, event.data)
    const line = `${severity.padEnd(8)} ${kind} · ${event.data.sender?.login ?? 'GitHub'} ${sentenceFor(kind, event.data)} · ${subjectOf(event.data) ?? 'nowhere'}`
    await this.#ledger.record(handler, deliveryOf(event), { list: 'findings', line, counts: [`severity ${severity}`] })
  }

  /** Mends what its dead letters died of. */
  learn(word: string, severity: Severity): void {
    this.#scale.learn(word, severity)
  }

  #judge(kind: string, payload: Payload): Severity {
    const judge = (judges as Readonly<Record<string, ((payload: never, scale: SeverityScale) => Severity) | undefined>>)[kind]
    return judge === undefined ? 'low' : judge(payload as never, this.#scale)
  }
}
