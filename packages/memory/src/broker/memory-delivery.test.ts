import { describe, expect, it } from 'vitest'
import { connected, idOf, member, message, turn } from '../../test/members.js'

describe('a delivery that comes again because its consumer was closed', () => {
  it('is redelivered where it was interrupted, and as it was where it had been released', async () => {
    const { broker } = connected()
    const first = await member(broker)
    await broker.publish([message('interrupted'), message('released'), message('noted')])
    first.arrived[1]?.release?.()
    await first.arrived[2]?.note('so far')
    first.arrived[2]?.release?.()
    await first.consumer.close()
    const second = await member(broker)
    await turn()
    expect(second.arrived.map((delivery) => [idOf(delivery), delivery.redelivered, delivery.progress])).toEqual([
      ['interrupted', true, undefined],
      ['released', false, undefined],
      ['noted', false, 'so far'],
    ])
  })

  it('stays suspect when a second consumer only released it', async () => {
    const { broker } = connected()
    const first = await member(broker)
    await broker.publish([message(1)])
    await first.consumer.close()
    const second = await member(broker)
    await turn()
    second.arrived[0]?.release?.()
    await second.consumer.close()
    const third = await member(broker)
    await turn()
    expect(third.arrived.map(({ redelivered }) => redelivered)).toEqual([true])
  })
})
