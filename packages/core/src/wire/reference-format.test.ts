import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { DecodeError } from '../errors.js'
import { defineEvent } from '../event/define-event.js'
import { DomainEvent } from '../event/domain-event.js'
import { toEnvelope } from '../event/envelope.js'
import { clearEventRegistry, modelOfReceivedType, modelOfTarget } from '../event/registry.js'
import { ReferenceFormat } from './reference-format.js'

const format = new ReferenceFormat()
const send = (event: object) => format.encode(toEnvelope(event, { source: 's' }), 'd')

class Shipped extends DomainEvent {
  readonly eventType = 'Shipped'
  constructor(readonly orderId: string) {
    super()
  }
}

afterEach(clearEventRegistry)

describe('ReferenceFormat', () => {
  it('hands over a class event itself, and each handler its own event of a definition', () => {
    const shipped = new Shipped('o')
    expect(modelOfTarget(Shipped)?.receive(format.decode(send(shipped)))).toBe(shipped)
    const Created = defineEvent('Created')
    const created = Created({ id: 1 })
    const received = format.decode(send(created))
    const [one, other] = [modelOfTarget(Created)?.receive(received), modelOfTarget(Created)?.receive(received)]
    expect(one).toEqual(created)
    expect(one).not.toBe(other)
    expect(received.metadata).toBe(created.metadata)
  })

  it('shares nothing at the top levels that could be changed, and takes an event a second time', () => {
    const data = { id: 1, inner: { id: 2 } }
    const event = defineEvent('Frozen')(data)
    const shipped = new Shipped('o')
    for (const each of [event, event, shipped, shipped]) send(each)
    expect([event.metadata, data, shipped, shipped.metadata].every(Object.isFrozen)).toBe(true)
    expect(Object.isFrozen(data.inner)).toBe(false)
  })

  it('says its attributes when asked', () => {
    const message = send(new Shipped('o'))
    expect(message).toMatchObject({ destination: 'd', topic: 'Shipped', attributes: { type: 'Shipped', source: 's', topic: 'Shipped' } })
    expect(message.attributes).toBe(message.attributes)
  })

  it('builds what a schema transforms, what is plain, and what another target asks for', () => {
    const Dated = defineEvent('Dated', { schema: z.object({ at: z.string().transform((text) => new Date(text)) }) })
    const dated = format.decode(send(Dated({ at: '2026-01-01' })))
    expect(modelOfTarget(Dated)?.receive(dated)).toMatchObject({ data: { at: new Date('2026-01-01') } })
    const plain = format.decode(send({ type: 'Plain', data: { userId: 'u' } }))
    expect(modelOfReceivedType('Plain').receive(plain)).toMatchObject({ userId: 'u', data: { userId: 'u' }, type: 'Plain' })
    const shipped = format.decode(send(new Shipped('o-1')))
    clearEventRegistry()
    expect(modelOfReceivedType('Shipped').receive(shipped)).toMatchObject({ type: 'Shipped', data: { orderId: 'o-1' } })
  })

  it('refuses a message that carries text', () => {
    expect(() => format.decode({ destination: 'd', topic: 't', key: undefined, attributes: {}, data: '{}' })).toThrow(DecodeError)
  })
})
