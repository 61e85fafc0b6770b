import { type Kind, mixedExamples, type Payload } from '../../webhooks/payloads.js'
import { Activity, type Deed } from './events.js'

/** A kind of activity so rare that nobody has given it points yet. */
export const newKind = 'deployment_review' satisfies Kind

/** Every real payload that somebody sent, as a deed of theirs. */
export function deeds(): readonly Deed[] {
  return mixedExamples(() => 0).flatMap(({ kind, payload }, index) =>
    payload.sender === undefined ? [] : [{ player: payload.sender.login, kind, delivery: `delivery-${index}`, day: dayOf(payload) }],
  )
}

/** The same delivery again is another event, and tells the same deed. */
export function activityOf(deed: Deed): Activity {
  const { kind, delivery, player } = deed
  return new Activity('github', kind, deed, { idempotencyKey: delivery, correlationId: delivery, userId: player })
}

/** The newest that its payload knows. */
function dayOf(payload: Payload): string | undefined {
  const times = JSON.stringify(payload).matchAll(/\d{4}-\d{2}-\d{2}(?=T\d{2}:\d{2}:\d{2})/g)
  return [...times]
    .map(([day]) => day)
    .sort()
    .at(-1)
}
