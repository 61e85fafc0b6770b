import { describe, expect, it } from 'vitest'
import { Lane } from './lane.js'
import { Lanes } from './lanes.js'

interface Numbered {
  readonly place: number
}

function laneWith(count: number): { readonly lane: Lane<Numbered>; readonly sent: readonly Numbered[] } {
  const lane = new Lane<Numbered>()
  const sent = Array.from({ length: count }, (_, place) => ({ place }))
  for (const _ of sent) lane.sent()
  return { lane, sent }
}

describe('the lane of a partition', () => {
  it('holds nothing back where everything is stored', () => {
    const { lane, sent } = laneWith(3)
    for (const each of sent) expect(lane.stored(each)).toEqual([])
    expect(lane.holds).toBe(false)
    expect(lane.isDue).toBe(false)
  })

  it('holds back what was refused and what comes after it, until nothing is on the way', () => {
    const { lane, sent } = laneWith(2)
    const [first, second] = sent as [Numbered, Numbered]
    const third = { place: 2 }
    expect(lane.refused(first)).toBe(true)
    expect(lane.holds).toBe(true)
    lane.hold(third)
    expect(lane.isDue).toBe(false)
    expect(lane.refused(second)).toBe(true)
    expect(lane.isDue).toBe(true)
    expect(lane.take()).toEqual([first, third, second])
    expect(lane.holds).toBe(false)
  })

  it('gives up what was refused where a later one is stored, before or afterwards', () => {
    const { lane, sent } = laneWith(4)
    const [first, second, third, last] = sent as [Numbered, Numbered, Numbered, Numbered]
    expect(lane.refused(first)).toBe(true)
    expect(lane.stored(third)).toEqual([first])
    expect(lane.refused(second)).toBe(false)
    expect(lane.refused(last)).toBe(true)
    expect(lane.take()).toEqual([last])
  })

  it('does not wait for the answer to what was given up', () => {
    const { lane, sent } = laneWith(2)
    lane.refused(sent[1] as Numbered)
    lane.givenUp()
    expect(lane.isDue).toBe(true)
  })
})

describe('the lanes of a sender', () => {
  const sending = (place: number, lane?: string): { place: number; until: number; lane: string | undefined } => ({
    place,
    until: place,
    lane,
  })

  it('let a message on its way, but for one behind what was refused in its lane', () => {
    const lanes = new Lanes()
    const [refused, behind, aside, alone] = [sending(0, 'a'), sending(1, 'a'), sending(2, 'b'), sending(3)]
    expect(lanes.enters(refused)).toBe(true)
    lanes.sent(refused)
    expect(lanes.refused(refused)).toBe(true)
    expect([behind, aside, alone].map((each) => lanes.enters(each))).toEqual([false, true, true])
    expect(lanes.size).toBe(2)
    expect(lanes.takeDue()).toEqual([refused, behind])
    expect(lanes.size).toBe(0)
  })

  it('send again in their order what they hold, with what has no answer, when the channel is gone', () => {
    const lanes = new Lanes()
    const [first, second, third] = [sending(0), sending(1, 'a'), sending(2, 'a')]
    for (const each of [second, third]) lanes.sent(each)
    lanes.refused(second)
    lanes.refused(first)
    expect(lanes.takeDue()).toEqual([first])
    lanes.refused(first)
    expect(lanes.restart([third])).toEqual([first, second, third])
    expect(lanes.size).toBe(0)
    expect(lanes.enters(second)).toBe(true)
  })

  it('give up what is past its time', () => {
    const lanes = new Lanes()
    const [early, late] = [sending(1), sending(2)]
    lanes.refused(early)
    lanes.refused(late)
    expect(lanes.take(({ until }) => until <= 1)).toEqual([early])
    expect(lanes.size).toBe(1)
  })
})
