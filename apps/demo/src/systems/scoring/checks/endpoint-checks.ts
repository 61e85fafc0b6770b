import type { DeadLetterPage } from '@interline/nestjs'
import { type Check, check } from '../../../report/check.js'

export interface Expected {
  /** Ids of events that a handler could not handle. */
  readonly failed: readonly string[]
  readonly keepsDeadLetters: boolean
  readonly maxAttempts: number
  readonly storedEvents: number
  readonly monitored: boolean
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Asks the three endpoints as anybody on this machine may, and holds the answers against what is known. */
export async function endpointChecks(url: string, expected: Expected): Promise<readonly Check[]> {
  const [health, letters, metrics] = await Promise.all(
    ['health', 'dead-letter', 'metrics'].map((path) => asked(`${url}/api/events/${path}`)),
  )
  return [healthCheck(health as Answer, expected), letterCheck(letters as Answer, expected), metricsCheck(metrics as Answer, expected)]
}

/** Dead letters are worth a warning. */
function healthCheck({ status, text }: Answer, { failed, keepsDeadLetters }: Expected): Check {
  const { status: told, checks } = JSON.parse(text) as { readonly status?: string; readonly checks?: object }
  const holds = status === 200 && told === (keepsDeadLetters && failed.length > 0 ? 'warn' : 'pass') && 'bus:state' in (checks ?? {})
  return check('GET /api/events/health tells of a bus that works', holds, `${status} ${text}`)
}

function letterCheck({ status, text }: Answer, { failed, keepsDeadLetters, maxAttempts }: Expected): Check {
  const dead = keepsDeadLetters ? failed : []
  const { letters = [] } = JSON.parse(text) as Partial<DeadLetterPage>
  const ids = letters.map(({ eventId }) => eventId).sort()
  const tried = letters.every(({ attempts }) => attempts === maxAttempts)
  return check(
    keepsDeadLetters
      ? `GET /api/events/dead-letter lists the ${dead.length} alerts without an address, each tried ${maxAttempts} times`
      : 'GET /api/events/dead-letter lists nothing, as nothing is to be kept',
    status === 200 && ids.join() === [...dead].sort().join() && tried,
    `${status} ${text}`,
  )
}

function metricsCheck({ status, text }: Answer, { failed, keepsDeadLetters, maxAttempts, storedEvents, monitored }: Expected): Check {
  if (!monitored) return check('GET /api/events/metrics tells that monitoring is off', status === 404, `${status}`)
  const sizes = ['interline_store_size', 'interline_dead_letters', 'interline_sagas_active'].map((name) => sumIn(text, name))
  const wanted = [storedEvents, keepsDeadLetters ? failed.length : 0, 0]
  const errors = sumIn(text, 'EVENT_HANDLER_ERROR_total', 'type="AIResultCompleted"')
  return check(
    'GET /api/events/metrics counts as many events, dead letters and active sagas as there are, and every failed run',
    status === 200 && sizes.join() === wanted.join() && errors >= failed.length * maxAttempts,
    `${sizes.join(', ')}, not ${wanted.join(', ')}; ${errors} runs failed`,
  )
}

/** Over all series of a metric in Prometheus' text. */
function sumIn(text: string, name: string, label: string = ''): number {
  return text
    .split('\n')
    .filter((line) => new RegExp(`^${name}[ {]`).test(line) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

async function asked(url: string): Promise<Answer> {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}
