import { domain } from './domain/index.js'
import { kafka } from './kafka/index.js'
import { memory } from './memory/index.js'
import { postgres } from './postgres/index.js'
import { rabbitmq } from './rabbitmq/index.js'
import { redis } from './redis/index.js'
import { Report } from './report.js'
import { telemetry } from './telemetry/index.js'

const benches: Readonly<Record<string, (report: Report, full: boolean) => Promise<void>>> = {
  memory,
  redis,
  rabbitmq,
  kafka,
  postgres,
  domain,
  telemetry,
}

const given = process.argv.slice(2)
const wanted = given.filter((argument) => argument !== '--json' && argument !== '--full')
const unknown = wanted.find((name) => !Object.hasOwn(benches, name))
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}". Usage: bench [${Object.keys(benches).join('|')}] [--full] [--json]`)
  process.exit(2)
}
const report = new Report(given.includes('--json'))
for (const [name, run] of Object.entries(benches))
  if (wanted.length === 0 || wanted.includes(name)) await run(report, given.includes('--full'))
report.end()
