import { describe, expect, test } from 'vitest'
import { cities, distanceKm, type Place, placeOf } from './place.js'
import { isSuspicious, Profile } from './profile.js'
import { type Sighting, sightingOf } from './sighting.js'

const phone = 'Safari on iPhone'
const at = (hour: number, day = 3): Date => new Date(Date.UTC(2025, 2, day, hour))

function seen(place: Pick<Place, 'network'>, when: Date, userAgent = phone): Sighting {
  return sightingOf({ ipAddress: `${place.network}.0.1`, userAgent }, when)
}

/** Somebody from Berlin, by day, with a phone. */
function profile(): Profile {
  return new Profile({ country: 'DE', device: phone, hours: [7, 8, 9, 10, 11, 12, 13, 14, 15, 16] })
}

describe('distances', () => {
  test.each([
    [cities.berlin, cities.paris, 878],
    [cities.london, cities.newYork, 5_570],
    [cities.sydney, cities.saoPaulo, 13_357],
    [cities.berlin, cities.berlin, 0],
  ])('are those of a map', (one, other, km) => {
    expect(Math.abs(distanceKm(one, other) - km)).toBeLessThan(1)
    expect(distanceKm(other, one)).toBe(distanceKm(one, other))
  })

  test('an address tells its city, or none', () => {
    expect(placeOf('10.1.200.7')?.city).toBe('Berlin')
    expect(placeOf('10.11.0.1')?.city).toBe('Sydney')
    expect([placeOf('192.0.2.1'), placeOf(''), placeOf('::1')]).toEqual([undefined, undefined, undefined])
  })
})

describe('one novelty is told and is not suspicious', () => {
  test.each([
    ['nothing', seen(cities.berlin, at(9)), []],
    ['another city of the country', seen(cities.hamburg, at(9)), []],
    ['a country', seen(cities.paris, at(9)), ['new-country']],
    ['a device', seen(cities.berlin, at(9), 'Firefox on Linux'), ['new-device']],
    ['two hours later than ever', seen(cities.berlin, at(18)), []],
    ['three hours later than ever', seen(cities.berlin, at(19)), ['unusual-hour']],
    ['two hours earlier than ever', seen(cities.berlin, at(5)), []],
    ['three hours earlier than ever', seen(cities.berlin, at(4)), ['unusual-hour']],
  ])('%s', (_, sighting, anomalies) => {
    expect(profile().anomaliesOf(sighting)).toEqual(anomalies)
    expect(isSuspicious(anomalies as never)).toBe(false)
  })
})

test('hours go around the clock', () => {
  const owl = new Profile({ country: 'DE', device: phone, hours: [23] })
  expect([20, 21, 0, 1, 2].map((hour) => owl.anomaliesOf(seen(cities.berlin, at(hour))).length)).toEqual([1, 0, 0, 0, 1])
})

test('two novelties are suspicious', () => {
  const anomalies = profile().anomaliesOf(seen(cities.paris, at(9), 'curl/8.5'))
  expect(anomalies).toEqual(['new-country', 'new-device'])
  expect(isSuspicious(anomalies)).toBe(true)
})

describe('impossible travel', () => {
  test.each([
    ['Berlin to Sydney in two hours', cities.sydney, at(10), true],
    ['Berlin to Sydney in eighteen hours', cities.sydney, at(2, 4), false],
    ['Berlin to Paris at once', cities.paris, at(8), true],
    ['Berlin to Paris in an hour', cities.paris, at(9), false],
    ['Berlin to Berlin at once', cities.berlin, at(8), false],
  ])('%s', (_, place, when, impossible) => {
    const known = profile()
    known.learn(seen(cities.berlin, at(8)))
    const anomalies = known.anomaliesOf(seen(place, when))
    expect(anomalies.includes('impossible-travel')).toBe(impossible)
    if (impossible) expect(isSuspicious(['impossible-travel'])).toBe(true)
  })

  test('is not told where a place is unknown, which is a country of its own', () => {
    const known = profile()
    known.learn(seen(cities.berlin, at(8)))
    expect(known.anomaliesOf(seen({ network: '192.0' }, at(8)))).toEqual(['new-country'])
  })
})

test('what was learned is usual from then on', () => {
  const known = profile()
  const trip = seen(cities.paris, at(20), 'Firefox on Linux')
  expect(known.anomaliesOf(trip)).toEqual(['new-country', 'new-device', 'unusual-hour'])
  known.learn(trip)
  expect(known.anomaliesOf(trip)).toEqual([])
})

test('what a client says of itself is cut short and kept on one line', () => {
  const { device } = seen(cities.berlin, at(9), `curl\r\n2025-03-03 all is well ${'x'.repeat(500)}`)
  expect(device).toMatch(/^curl 2025-03-03 all is well x+$/)
  expect(device).toHaveLength(120)
})
