import { type HandlerContext, type IEventBus, topic } from 'interline'
import { deliveryOf, type GithubEvent } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'
import { ActivityFeed } from './activity-feed.js'
import { auditAttempts, SecurityAudit } from './security-audit.js'
import { Statistics } from './statistics.js'

/** Handlers whose work must be done, whichever process does it. */
export const durableHandlers = ['activity-feed', 'statistics', 'security-audit'] as const
/** A broadcast: it sees alerts at once, in the process that publishes them. */
export const tickerName = 'alert-ticker'
export const handlerNames = [...durableHandlers, tickerName] as const
export type HandlerName = (typeof handlerNames)[number]

const everything = topic<GithubEvent>('github.>')
const security = topic<GithubEvent>('github.security.*')
const retry = { maxAttempts: 4, backoff: { type: 'exponential', delayMs: 20, maxDelayMs: 200 } } as const

/** Subscribes the three handlers. The audit is a group of its own: a slow or failing audit holds nothing else back. */
export async function subscribeHandlers(bus: IEventBus, ledger: Ledger, stumblesOver: string | undefined): Promise<SecurityAudit> {
  const audit = new SecurityAudit(ledger)
  await bus.subscribe(everything, new ActivityFeed(ledger, stumblesOver).handle, { name: 'activity-feed', failure: { retry } })
  await bus.subscribe(everything, new Statistics(ledger).handle, {
    name: 'statistics',
    group: 'statistics',
    order: 'none',
    failure: { retry },
  })
  await bus.subscribe(security, audit.handle, {
    name: 'security-audit',
    group: 'security',
    failure: { retry: { ...retry, maxAttempts: auditAttempts } },
  })
  return audit
}

/** Shows alerts as they come, without waiting for any broker's round trip. */
export async function subscribeTicker(bus: IEventBus, ledger: Ledger, show: (event: GithubEvent) => void): Promise<void> {
  const handle = async (event: GithubEvent, { handler }: HandlerContext): Promise<void> => {
    show(event)
    await ledger.record(handler, deliveryOf(event), {})
  }
  await bus.subscribe(security, handle, { name: tickerName, broadcast: true })
}
