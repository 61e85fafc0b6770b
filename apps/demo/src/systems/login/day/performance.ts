import type { LoginUseCaseWithEvents } from '../login-use-case.js'
import type { SessionUseCaseWithEvents } from '../session-use-case.js'
import type { Step } from './step.js'

export type Answer = 'logged-in' | 'invalid-credentials' | 'account-locked' | 'accepted' | 'refused' | 'ended'

/** What came of a step. */
export interface Performed {
  readonly step: Step
  /** As many as there were attempts, sorted. */
  readonly answers: readonly Answer[]
  readonly correlationIds: readonly string[]
}

export interface Stage {
  readonly logins: LoginUseCaseWithEvents
  readonly visits: SessionUseCaseWithEvents
  readonly interrupted: AbortSignal
}

export interface Performance {
  readonly lanes: readonly (readonly Performed[])[]
  /** What was typed by strangers, and tokens that were given. */
  readonly secrets: ReadonlySet<string>
}

/** Accounts of so many people are busy at a time. */
const atATime = 32

/** Every lane in its order, many lanes at a time. An interruption leaves out the rest of each. */
export async function perform(lanes: readonly (readonly Step[])[], stage: Stage): Promise<Performance> {
  const performed: (readonly Performed[])[] = lanes.map(() => [])
  const secrets = new Set<string>()
  const waiting = lanes.entries()
  const worker = async (): Promise<void> => {
    for (const [index, lane] of waiting) performed[index] = await performLane(lane, stage, secrets)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
  return { lanes: performed, secrets }
}

async function performLane(
  lane: readonly Step[],
  { logins, visits, interrupted }: Stage,
  secrets: Set<string>,
): Promise<readonly Performed[]> {
  const performed: Performed[] = []
  let token = ''
  for (const step of lane) {
    if (interrupted.aborted) break
    const { email, password, place, device: userAgent } = step
    const origin = { ipAddress: `${place.network}.0.1`, userAgent, receivedAt: new Date(step.at) }
    if (step.kind === 'visit') {
      performed.push({ step, answers: [await visits.execute({ token, ...origin })], correlationIds: [] })
      continue
    }
    const results = await Promise.all(Array.from({ length: step.times }, () => logins.execute({ email, password, ...origin })))
    for (const result of results) if (result.status === 'logged-in') token = result.token
    secrets.add(token)
    // the wrong ones of the others begin with their right one, and an address that nobody has may be a password in the wrong field
    if (step.person === undefined) secrets.add(password).add(email)
    const answers = results.map(({ status }) => status).sort()
    performed.push({ step, answers, correlationIds: results.map(({ correlationId }) => correlationId) })
  }
  secrets.delete('')
  return performed
}
