import { registerStoreCases } from '../stores/store-suite.js'
import { inboxCases } from './inbox-cases.js'
import { outboxCases } from './outbox-cases.js'
import type { TestInboxOptions } from './tested-inbox.js'
import type { TestOutboxOptions } from './tested-outbox.js'

/** Registers the contract of outboxes for one configuration. */
export function testOutbox(name: string, { processes, ...options }: TestOutboxOptions): void {
  const leaveOut = {
    ...(processes === undefined ? { O02: 'no way to make the outbox in a process was given' } : {}),
    ...options.leaveOut,
  }
  registerStoreCases('outbox', name, { ...options, leaveOut }, outboxCases(processes))
}

/** Registers the contract of inboxes for one configuration. */
export function testInbox(name: string, { processes, ...options }: TestInboxOptions): void {
  const leaveOut = {
    ...(processes === undefined ? { O04: 'no way to make the inbox in a process was given' } : {}),
    ...options.leaveOut,
  }
  registerStoreCases('inbox', name, { ...options, leaveOut }, inboxCases(processes))
}
