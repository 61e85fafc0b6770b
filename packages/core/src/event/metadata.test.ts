import { describe, expect, it } from 'vitest'
import { InvalidEventError } from '../errors.js'
import { arrivedMetadata, type EventMetadata, newMetadata, stampMetadata } from './metadata.js'

const defaults = { source: 'shop', environment: 'test', correlationId: 'request-1', causationId: 'cause-1' }

describe('metadata', () => {
  it('takes the event’s own id as correlation where nothing else is said', () => {
    const metadata = stampMetadata(newMetadata(), { source: 'shop' })
    expect(metadata.correlationId).toBe(metadata.eventId)
    expect(metadata.eventId).toHaveLength(36)
    expect(metadata.timestamp).toBeInstanceOf(Date)
  })

  it('gives the same id and the same time each time it is asked', () => {
    const metadata = newMetadata()
    expect(metadata.eventId).toBe(metadata.eventId)
    expect(metadata.timestamp).toBe(metadata.timestamp)
  })

  it('fills in only what is missing', () => {
    const metadata = stampMetadata(newMetadata({ source: 'desk', correlationId: 'mine' }), defaults)
    expect(metadata).toMatchObject({ source: 'desk', correlationId: 'mine', causationId: 'cause-1', environment: 'test' })
  })

  it('is decided by the first stamp, so that a second publish is the same event', () => {
    const metadata = stampMetadata(newMetadata(), defaults)
    const { eventId } = metadata
    const again = stampMetadata(metadata, { source: 'other', userId: 'u-1', correlationId: 'request-2' })
    expect(again).toBe(metadata)
    expect(again).toMatchObject({ eventId, source: 'shop', correlationId: 'request-1', userId: undefined })
  })

  it('can be stamped and frozen, and still answers', () => {
    const metadata = Object.freeze(stampMetadata(newMetadata(), defaults))
    expect(metadata.eventId).toBe(stampMetadata(metadata, defaults).eventId)
  })

  it('copies a stranger’s object instead of changing it', () => {
    const given = { correlationId: 'c' } as EventMetadata
    expect(stampMetadata(given, defaults).source).toBe('shop')
    expect(given).toEqual({ correlationId: 'c' })
  })

  it('leaves arrived metadata as it is', () => {
    const arrived = arrivedMetadata({ eventId: 'e', timestamp: new Date(0), correlationId: 'c', source: 's' })
    expect(stampMetadata(arrived, defaults)).toBe(arrived)
    expect({ ...arrived }).toMatchObject({ eventId: 'e', correlationId: 'c', source: 's' })
  })

  it('shows its id and time as JSON', () => {
    const metadata = newMetadata({ eventId: 'e-1', timestamp: new Date(0) })
    expect(JSON.parse(JSON.stringify(metadata))).toEqual({
      eventId: 'e-1',
      timestamp: '1970-01-01T00:00:00.000Z',
      correlationId: 'e-1',
      source: '',
    })
  })

  it.each([
    ['a field that does not exist', { ip: '10.0.0.1' }, /no field "ip"/],
    ['a number as id', { eventId: 7 }, /"eventId" must be text/],
    ['an empty correlation', { correlationId: '' }, /"correlationId" must be text/],
    ['a timestamp that is no time', { timestamp: 'soon' }, /no time/],
    ['an array', [], /must be an object/],
    ['null', null, /must be an object/],
  ])('refuses %s', (_name, given, message) => {
    expect(() => newMetadata(given as unknown as Partial<EventMetadata>)).toThrow(InvalidEventError)
    expect(() => newMetadata(given as unknown as Partial<EventMetadata>)).toThrow(message)
  })
})
