import { DefaultRoutingStrategy, EventBusFactory, EventHandlerRegistry, type RecordedEvent } from 'interline'
import type { System, SystemReport, World } from '../system.js'
import { PasswordHasher } from './account/password-hasher.js'
import { Sessions } from './account/sessions.js'
import { badRequests } from './day/bad-requests.js'
import { castRepository } from './day/cast.js'
import { checksOf } from './day/checks.js'
import { cleanUp } from './day/clean-up.js'
import { perform } from './day/performance.js'
import { scriptOf } from './day/script.js'
import { SecurityAuditHandler } from './handlers/security-audit-handler.js'
import { SecurityDesk } from './handlers/security-desk.js'
import { linesOf } from './lines.js'
import { LoginUseCaseWithEvents } from './login-use-case.js'
import { SessionUseCaseWithEvents } from './session-use-case.js'

const people = 200
/** Far from production's, whose hashes of a day would take minutes. */
const demoCost = { cost: 2 ** 7, blockSize: 8, parallelization: 1 }
const patienceMs = 45_000

export const system: System = {
  title: 'the logins of a day, with a brute-force attack and a stolen session, audited by events',
  run,
}

async function run(world: World): Promise<SystemReport> {
  const hasher = new PasswordHasher(demoCost)
  const sessions = new Sessions()
  const { cast, lanes } = scriptOf(people)
  const { repository, secrets } = await castRepository(cast, hasher)
  const { lines, note, logger } = linesOf(world.say)
  await using eventBus = await EventBusFactory.createAndStart({
    service: 'auth',
    broker: world.broker(),
    store: world.store(),
    hybrid: { routingStrategy: new DefaultRoutingStrategy() },
    // a login is answered when the desk of this process has seen what is critical of it
    waitForHandlers: true,
    logger,
  })
  const desk = new SecurityDesk(sessions, note)
  const securityHandler = new SecurityAuditHandler()
  try {
    const logins = new LoginUseCaseWithEvents(repository, eventBus, { hasher, sessions })
    const visits = new SessionUseCaseWithEvents(repository, eventBus, sessions)
    const stage = { logins, visits, interrupted: world.interrupted }
    const performed = await perform(lanes, stage)
    lines.push(...(await badRequests(logins, cast)))
    await eventBus.idle({ signal: AbortSignal.timeout(patienceMs) })

    const store = eventBus.getStore()
    const recorded: RecordedEvent[] = []
    for await (const event of store.readAll()) recorded.push(event)
    const evidence = {
      lanes: performed.lanes,
      recorded,
      logs: securityHandler.getSecurityLogs(),
      repeated: securityHandler.repeated,
      seen: desk.seen,
      metrics: await eventBus.getBroker().getMetrics(),
      lines,
      secrets: new Set([...secrets, ...performed.secrets]),
    }
    const of = (eventType: string): number => evidence.logs.filter((log) => log.eventType === eventType).length
    return {
      figures: {
        accounts: people,
        'logged in': of('UserLoggedIn'),
        failed: of('LoginFailed'),
        locked: of('AccountLocked'),
        suspicious: of('SuspiciousActivityDetected'),
        'secrets looked for': evidence.secrets.size,
      },
      checks: [...checksOf(evidence), ...(await cleanUp(store, securityHandler, recorded))],
    }
  } finally {
    for (const handler of [desk, securityHandler]) EventHandlerRegistry.getInstance().unregister(handler)
  }
}
