import assert from 'node:assert/strict'
import {
  DecodeError,
  defineEvent,
  EventBus,
  type EventDefinition,
  erasedFieldsOf,
  type IEventStore,
  StoredEvents,
  staticSchema,
} from '@interline/core'
import { MemoryBroker, MemoryKeyStore } from '@interline/memory'
import { recorder } from '../../waiting/recorder.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

interface Contact {
  readonly userId: string
  readonly email: string
  readonly plan: string
}

let contactChanged: EventDefinition<string, Contact> | undefined

/** Made when a case needs it, as definitions are global to the process. */
function contactChangedEvent(): EventDefinition<string, Contact> {
  contactChanged ??= defineEvent('interline.test.ContactChanged', {
    topic: 'contacts.changed',
    schema: staticSchema<Contact>(),
    encrypt: ['email'],
    subject: ({ userId }) => userId,
  })
  return contactChanged
}

function contact(userId: string): Contact {
  return { userId, email: `${userId}@secret.example`, plan: 'free' }
}

async function readableThroughTheStore(room: Room): Promise<void> {
  const ContactChanged = contactChangedEvent()
  const store = await room.store()
  const keyStore = new MemoryKeyStore()
  const seen = recorder<ReturnType<typeof ContactChanged>>()
  await using bus = new EventBus({ service: 'shop', broker: new MemoryBroker(), store, keyStore })
  await bus.subscribe(ContactChanged, seen.handle, { name: 'contacts' })
  await bus.start()
  const events = bus.getStore()
  await bus.publish(ContactChanged(contact('ana'), { aggregateId: 'ana' }))
  keyStore.rotate('ana')
  await events.saveEvents('ana', [ContactChanged(contact('ana'))], 1)
  await events.saveEvents('ben', [ContactChanged(contact('ben'))])
  await seen.waitForCount(3, { limitMs: room.limits.gapMs })
  assert.deepEqual(
    seen.events.map(({ data }) => data.email),
    ['ana@secret.example', 'ana@secret.example', 'ben@secret.example'],
    'handlers read them',
  )
  const emails = async (stream: string): Promise<readonly unknown[]> =>
    (await events.getEvents<ReturnType<typeof ContactChanged>>(stream)).map(({ data }) => data.email)
  assert.deepEqual(await emails('ana'), ['ana@secret.example', 'ana@secret.example'], 'readable, also after the key has changed')

  const recorded = await collect((await room.store()).readAll())
  assert.equal(recorded.length, 3)
  assert.equal(JSON.stringify(recorded).includes('@secret.example'), false, 'what the store holds shows nothing of it')
  assert.equal(new Set(recorded.map(({ message }) => message.attributes.keyid)).size, 3, 'each names its key')

  keyStore.forget('ana')
  assert.deepEqual(await emails('ana'), [null, null], 'erased')
  const [erased] = await events.getEvents<ReturnType<typeof ContactChanged>>('ana')
  assert.deepEqual(erasedFieldsOf(erased ?? {}), ['email'])
  assert.equal(erased?.data.plan, 'free', 'and nothing else of it is')
  assert.deepEqual(await emails('ben'), ['ben@secret.example'], 'nor of others')
}

async function hostileCiphertext(room: Room): Promise<void> {
  const ContactChanged = contactChangedEvent()
  const store = await room.store()
  const events = new StoredEvents(store, { keyStore: new MemoryKeyStore() })
  await events.saveEvents('ana', [ContactChanged(contact('ana')), ContactChanged(contact('ana'))])
  const [first, second] = await collect(store.readStream('ana'))
  const message = first?.message ?? assert.fail()
  const changed = { ...JSON.parse(String(message.data)), email: JSON.parse(String(second?.message.data)).email }
  await store.append('forged', [{ ...message, data: JSON.stringify(changed), attributes: { ...message.attributes, id: 'forged' } }])
  await assert.rejects(
    () => events.getEvents('forged'),
    (error) => error instanceof DecodeError && !error.message.includes('@secret.example'),
  )
  assert.equal((await events.getEvents('ana')).length, 2)
}

export const encryptionCases: readonly StoreCase<IEventStore>[] = [
  {
    id: 'S16',
    title: 'marked fields are unreadable in the store, readable through it, and erased with the key of their subject',
    run: readableThroughTheStore,
  },
  { id: 'S16', title: 'what was not encrypted for its event is refused', run: hostileCiphertext },
]
