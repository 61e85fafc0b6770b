import { createBus } from 'interline'
import { newKind } from '../../dist/systems/gamifier/activities.js'
import { ActivityHandler } from '../../dist/systems/gamifier/activity-handler.js'
import { Announcer } from '../../dist/systems/gamifier/announcer.js'
import { commandsOf } from '../../dist/systems/gamifier/commands.js'
import { Activity } from '../../dist/systems/gamifier/events.js'
import { Players } from '../../dist/systems/gamifier/players.js'
import { RuleBook } from '../../dist/systems/gamifier/rules.js'

// One of several processes that handle activities, until somebody kills it.
const redis = JSON.parse(process.argv[2] ?? '{}')
const quiet = () => undefined
const bus = createBus({
  service: 'gamifier',
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  broker: { type: 'redis', redis: { ...redis, claimIdleMs: 1_000 } },
  store: { type: 'redis', redis },
})
await bus.start()
const rules = new RuleBook()
rules.add(newKind, 6)
const commands = await commandsOf(new Players(bus.getStore()), rules)
const live = createBus({ service: 'gamifier' })
const retryStrategy = { maxAttempts: 20, backoff: { type: 'fixed', delay: 20 } }
await bus.subscribe(Activity, new ActivityHandler(commands, retryStrategy, new Announcer(live)))
console.log('ready')
