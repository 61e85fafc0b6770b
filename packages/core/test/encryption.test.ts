import {
  ConfigurationError,
  type DeadLetter,
  DomainEvent,
  defineEvent,
  EventBus,
  type EventBusOptions,
  erasedFieldsOf,
  type IKeyStore,
  InvalidEventError,
  type StandardSchema,
  staticSchema,
  UnsupportedFeatureError,
  type WireMessage,
} from '@interline/core'
import { MemoryBroker, MemoryKeyStore } from '@interline/memory'
import { recorder, waitFor } from '@interline/testing'
import { afterEach, describe, expect, test } from 'vitest'

interface User {
  readonly userId: string
  readonly email: string
  readonly address?: { readonly street: string }
  readonly plan: string
}

const strict: StandardSchema<User, User> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof (value as User).email === 'string' ? { value: value as User } : { issues: [{ message: 'no text', path: ['email'] }] },
  },
}

const Registered = defineEvent('encryption.Registered', {
  topic: 'users.registered',
  schema: strict,
  encrypt: ['email', 'address'],
  subject: ({ userId }) => userId,
})

class Moved extends DomainEvent {
  static readonly topic = 'users.moved'
  static readonly encrypt = ['street']
  readonly eventType = 'encryption.Moved'

  constructor(
    readonly street: string,
    userId?: string,
  ) {
    super({ aggregateId: userId })
  }
}

const ana: User = { userId: 'u-1', email: 'ana@example.org', address: { street: 'Calle 1' }, plan: 'free' }
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Keeps what goes over it. */
class SeenBroker extends MemoryBroker {
  readonly messages: WireMessage[] = []

  override publish(messages: readonly WireMessage[]): void | Promise<void> {
    this.messages.push(...messages)
    return super.publish(messages)
  }
}

const buses: EventBus[] = []
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

async function start({ handler, ...options }: Partial<EventBusOptions> & { handler?: (event: ReturnType<typeof Registered>) => unknown }) {
  const broker = (options.broker as SeenBroker | undefined) ?? new SeenBroker()
  const bus = new EventBus({ service: 'users', logger: silent, ...options, broker })
  buses.push(bus)
  const seen = recorder<ReturnType<typeof Registered>>((event) => handler?.(event))
  await bus.subscribe(Registered, seen.handle, { name: 'seen', failure: { retry: { maxAttempts: 3, backoff: { delayMs: 1 } } } })
  await bus.start()
  return { bus, broker, seen }
}

async function onlyLetter(bus: EventBus): Promise<DeadLetter> {
  await waitFor(async () => (await bus.deadLetters.count()) === 1, { what: 'a dead letter' })
  return (await bus.deadLetters.list()).letters[0] as DeadLetter
}

describe('marked fields of an event', () => {
  test('are unreadable on the way and in dead letters, and readable to handlers, also after a redrive', async () => {
    let broken = true
    const handler = (): void => {
      if (broken) throw new Error('not now')
    }
    const { bus, broker, seen } = await start({ keyStore: new MemoryKeyStore(), handler })
    await bus.publish(Registered(ana))
    const letter = await onlyLetter(bus)
    for (const message of [...broker.messages, letter.message]) {
      expect(JSON.stringify(message)).not.toMatch(/ana@|Calle/)
      expect(message.attributes.keyid).toBeTypeOf('string')
      expect(JSON.parse(String(message.data))).toMatchObject({ userId: 'u-1', plan: 'free' })
    }
    broken = false
    await bus.deadLetters.redrive({})
    await seen.waitForCount(1)
    expect(seen.events[0]?.data).toEqual(ana)
    expect(seen.runs.map(({ event }) => event.data.email)).toEqual([
      'ana@example.org',
      'ana@example.org',
      'ana@example.org',
      'ana@example.org',
    ])
  })

  test('are those of a class, for the subject that its aggregate is', async () => {
    const keyStore = new MemoryKeyStore()
    const { bus, broker } = await start({ keyStore })
    const moved = recorder<Moved>()
    await bus.subscribe(Moved, moved.handle, { name: 'moved' })
    await bus.publish(new Moved('Calle 2', 'u-1'))
    await moved.waitForCount(1)
    expect(moved.events[0]).toBeInstanceOf(Moved)
    expect(moved.events[0]?.street).toBe('Calle 2')
    expect(JSON.stringify(broker.messages)).not.toContain('Calle')
    await expect(bus.publish(new Moved('Calle 3'))).rejects.toThrow(InvalidEventError)
  })

  test('are read with the key that they were written with, after the subject has got another', async () => {
    const keyStore = new MemoryKeyStore()
    const { bus, broker, seen } = await start({ keyStore })
    await bus.publish(Registered(ana))
    keyStore.rotate('u-1')
    await bus.publish(Registered(ana))
    await seen.waitForCount(2)
    const [first, second] = broker.messages.map(({ attributes }) => attributes.keyid)
    expect(first).not.toBe(second)
    expect(seen.events.map(({ data }) => data)).toEqual([ana, ana])
  })

  test('read as erased when the subject was forgotten, whatever the schema says, and become no dead letters', async () => {
    const keyStore = new MemoryKeyStore()
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const slow: IKeyStore = {
      current: (subject) => keyStore.current(subject),
      get: (id) => gate.then(() => keyStore.get(id)),
      rotate: (subject) => keyStore.rotate(subject),
      forget: (subject) => keyStore.forget(subject),
    }
    const { bus, seen } = await start({ keyStore: slow })
    await bus.publish(Registered(ana))
    await bus.publish(Registered({ ...ana, userId: 'u-2' }))
    keyStore.forget('u-1')
    open()
    await seen.waitForCount(2)
    const [erased, kept] = ['u-1', 'u-2'].map((user) => seen.events.find(({ data }) => data.userId === user))
    expect(erased?.data).toEqual({ userId: 'u-1', email: null, address: null, plan: 'free' })
    expect(erasedFieldsOf(erased as object)).toEqual(['email', 'address'])
    expect(kept?.data.email).toBe('ana@example.org')
    expect(erasedFieldsOf(kept as object)).toEqual([])
    expect(await bus.deadLetters.count()).toBe(0)
  })

  test('read as erased where there is no key store, which need not have the right to them', async () => {
    const broker = new SeenBroker()
    const writer = new EventBus({ service: 'writer', broker, keyStore: new MemoryKeyStore() })
    buses.push(writer)
    const { seen } = await start({ broker })
    await writer.publish(Registered(ana))
    await seen.waitForCount(1)
    expect(seen.events[0]?.data).toMatchObject({ email: null, plan: 'free' })
  })

  test('are waited for while the key store is away, and the handler is not run in vain', async () => {
    const keyStore = new MemoryKeyStore()
    let failures = 2
    const away: IKeyStore = {
      current: (subject) => keyStore.current(subject),
      get: (id) => {
        if (failures-- > 0) throw new Error('The key store is away.')
        return keyStore.get(id)
      },
      rotate: (subject) => keyStore.rotate(subject),
      forget: (subject) => keyStore.forget(subject),
    }
    const { bus, seen } = await start({ keyStore: away })
    await bus.publish(Registered(ana))
    await seen.waitForCount(1)
    expect(seen.runs.map(({ attempt }) => attempt)).toEqual([1])
  })

  test.each([
    ['was changed', (data: Record<string, unknown>) => ({ ...data, email: { $encrypted: 'A'.repeat(60) } })],
    ['stands in another field', (data: Record<string, unknown>) => ({ ...data, plan: data.email })],
    ['is no such text', (data: Record<string, unknown>) => ({ ...data, email: { $encrypted: '%%' } })],
  ])('make a dead letter at once where what stands in their place %s', async (_, change) => {
    const keyStore = new MemoryKeyStore()
    const { bus, broker, seen } = await start({ keyStore })
    await bus.publish(Registered(ana))
    await seen.waitForCount(1)
    const [genuine] = broker.messages as [WireMessage]
    const data = JSON.stringify(change(JSON.parse(String(genuine.data)) as Record<string, unknown>))
    await broker.publish([{ ...genuine, attributes: { ...genuine.attributes, id: 'e-2' }, data }])
    const { reason, attempts, error } = await onlyLetter(bus)
    expect({ reason, attempts }).toEqual({ reason: 'undecodable', attempts: 1 })
    expect(error.message).not.toContain('ana@')
    expect(seen.runs.length).toBe(1)
  })

  test('make a dead letter where their key was never one of the store', async () => {
    const { bus, broker, seen } = await start({ keyStore: new MemoryKeyStore() })
    const writer = new EventBus({ service: 'writer', broker, keyStore: new MemoryKeyStore() })
    buses.push(writer)
    await writer.publish(Registered(ana))
    expect((await onlyLetter(bus)).reason).toBe('undecodable')
    expect(seen.runs.length).toBe(0)
  })

  test('are not published without a key store, by reference, or where they look encrypted already', async () => {
    const { bus } = await start({})
    await expect(bus.publish(Registered(ana))).rejects.toThrow(ConfigurationError)
    const keyStore = new MemoryKeyStore()
    const { bus: byReference } = await start({ keyStore, codec: 'reference' })
    await expect(byReference.publish(Registered(ana))).rejects.toThrow(ConfigurationError)
    const { bus: ready, broker } = await start({ keyStore })
    const lookalike = { ...ana, plan: { $encrypted: 'x' } as unknown as string }
    await expect(ready.publish(Registered(lookalike))).rejects.toThrow(InvalidEventError)
    await expect(ready.publishBatch([Registered(ana), Registered(lookalike)])).rejects.toThrow('event 1')
    expect(broker.messages).toEqual([])
  })

  test('can not be edited in a dead letter, whose event they belong to', async () => {
    const handler = (): never => {
      throw new Error('never')
    }
    const { bus } = await start({ keyStore: new MemoryKeyStore(), handler })
    await bus.publish(Registered(ana))
    await onlyLetter(bus)
    await expect(bus.deadLetters.redrive({}, { edit: (data) => data })).rejects.toThrow(UnsupportedFeatureError)
    expect(await bus.deadLetters.count()).toBe(1)
  })

  test('are named by the definition, which is refused where it can not be meant', () => {
    expect(() => defineEvent('encryption.Wrong', { encrypt: [] })).toThrow(ConfigurationError)
    expect(() => defineEvent('encryption.Wrong', { subject: () => 'u-1' })).toThrow(ConfigurationError)
    // @ts-expect-error: no field of the data
    defineEvent('encryption.Unknown', { schema: staticSchema<User>(), encrypt: ['phone'] })
  })
})
