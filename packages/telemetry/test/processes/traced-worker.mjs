// A process with a bus on a real broker, traced as a program would be: with the instrumentation of the drivers beside ours.
import { createRequire } from 'node:module'
import { context, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { IORedisInstrumentation } from '@opentelemetry/instrumentation-ioredis'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

const { broker: name, url, namespace, role, driverSpans } = JSON.parse(process.argv[2])
const exporter = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
trace.setGlobalTracerProvider(tracerProvider)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const instrumentations = [new IORedisInstrumentation({ requireParentSpan: false }), new KafkaJsInstrumentation()]
registerInstrumentations({ tracerProvider, instrumentations })
// patches the drivers, which the adapters import as they are
const require = createRequire(import.meta.url)
require('ioredis')
require('kafkajs')

const { defineEvent, EventBus, staticSchema } = await import('@interline/core')
const { tracing } = await import('@interline/telemetry')
const schema = staticSchema()
const Placed = defineEvent(`${namespace}.Placed`, { topic: `${namespace}.placed`, schema, key: () => 'one' })
const Billed = defineEvent(`${namespace}.Billed`, { topic: `${namespace}-bills.billed`, schema })

const bus = new EventBus({
  service: `${namespace}-${role}`,
  broker: await brokerOf(),
  instrumentation: tracing({ driverSpans }),
  retry: { maxAttempts: 3, backoff: { delayMs: 10 } },
})
if (role === 'billing') {
  await bus.subscribe(Placed, ({ data }) => bus.publish(Billed(data)), {
    name: 'billing',
    from: name === 'kafka' ? 'beginning' : 'now',
  })
} else {
  await bus.subscribe(Billed, () => process.send({ kind: 'billed' }), { name: 'mail', from: name === 'kafka' ? 'beginning' : 'now' })
}
await bus.start()
process.on('message', async ({ kind }) => {
  if (kind === 'publish') {
    await tracerProvider.getTracer('app').startActiveSpan('request', async (span) => {
      await bus.publish(Placed({ n: 1 }))
      span.end()
    })
    process.send({ kind: 'published' })
  } else if (kind === 'end') {
    await bus.close()
    process.send({ kind: 'spans', spans: exporter.getFinishedSpans().map(plain) })
    process.disconnect()
  }
})
process.send({ kind: 'ready' })

async function brokerOf() {
  if (name === 'redis') {
    const { RedisBroker } = await import('@interline/redis')
    return new RedisBroker({ url, prefix: namespace })
  }
  const { KafkaBroker } = await import('@interline/kafka')
  return new KafkaBroker({ brokers: [url] })
}

function plain(span) {
  return {
    name: span.name,
    kind: SpanKind[span.kind],
    attributes: span.attributes,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
    scope: span.instrumentationScope.name,
  }
}
