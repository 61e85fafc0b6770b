import { describe, expect, test } from 'vitest'
import { PublishError } from '../errors.js'
import type { PublishedEvent } from '../ports/instrumentation.js'
import type { WireMessage } from '../ports/message.js'
import { type Outlet, Publisher } from './publisher.js'

function message(id: string): WireMessage {
  return { destination: 'orders', topic: 'orders.created', key: undefined, attributes: { id }, data: '{}' }
}

function ids(messages: readonly WireMessage[]): string {
  return messages.map(({ attributes }) => attributes.id).join(' ')
}

/** An outlet that keeps each batch open until it is told how it ends. */
function outlet() {
  const batches: {
    readonly ids: string
    readonly resolve: () => void
    readonly reject: (error: Error) => void
    readonly stored: ((index: number) => void) | undefined
  }[] = []
  const subject: Outlet = {
    name: 'memory',
    publish: (messages, options) =>
      new Promise<void>((resolve, reject) => batches.push({ ids: ids(messages), resolve, reject, stored: options?.stored })),
  }
  return { batches, publisher: new Publisher(subject, {}, true) }
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('what is published in one tick', () => {
  test('goes out as one batch, in order', async () => {
    const { batches, publisher } = outlet()
    const answers = ['1', '2', '3'].map((id) => publisher.publish([message(id)]))
    await tick()
    expect(batches.map((batch) => batch.ids)).toEqual(['1 2 3'])
    batches[0]?.resolve()
    await Promise.all(answers)
  })

  test('that is nothing is answered at once', async () => {
    const { batches, publisher } = outlet()
    await publisher.publish([])
    expect(batches).toEqual([])
  })

  test('is answered each for itself: only those named as failed are rejected', async () => {
    const { batches, publisher } = outlet()
    const answers = Promise.allSettled([
      publisher.publish([message('1')]),
      publisher.publish([message('2'), message('3')]),
      publisher.publish([message('4')]),
    ])
    await tick()
    batches[0]?.reject(new PublishError('the second and third were refused', { failed: [1, 2] }))
    const [first, second, third] = await answers
    expect([first?.status, second?.status, third?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((second as PromiseRejectedResult).reason).toMatchObject({ failed: [0, 1], outcome: 'failed' })
  })

  test('is answered to each as soon as all of theirs is stored, and what fails later is only of the others', async () => {
    const { batches, publisher } = outlet()
    const answered: string[] = []
    const answers = [[message('1')], [message('2'), message('3')], [message('4')]].map((messages) =>
      publisher.publish(messages)?.then(
        () => answered.push(ids(messages)),
        (error: PublishError) => answered.push(`not ${ids(messages)}: ${error.message}`),
      ),
    )
    await tick()
    const [batch] = batches
    batch?.stored?.(1)
    batch?.stored?.(3)
    await tick()
    expect(answered).toEqual(['4'])
    batch?.stored?.(2)
    await tick()
    expect(answered).toEqual(['4', '2 3'])
    batch?.reject(new PublishError('refused', { failed: [0] }))
    await Promise.all(answers)
    expect(answered).toEqual(['4', '2 3', 'not 1: refused'])
  })

  test('is told by what was stored and what was not, each once', async () => {
    const told: string[] = []
    const hooks = {
      published: ({ messages }: PublishedEvent) => void told.push(`stored ${ids(messages)}`),
      publishFailed: ({ messages }: PublishedEvent) => void told.push(`failed ${ids(messages)}`),
    }
    const refuse = () => Promise.reject(new PublishError('the second was refused', { failed: [1] }))
    const publisher = new Publisher({ name: 'memory', publish: refuse }, hooks, true)
    await Promise.allSettled(['1', '2', '3'].map((id) => publisher.publish([message(id)])))
    expect(told).toEqual(['failed 2', 'stored 1 3'])
  })

  test('is all rejected by an error that names none', async () => {
    const { batches, publisher } = outlet()
    const answers = Promise.allSettled([publisher.publish([message('1')]), publisher.publish([message('2')])])
    await tick()
    batches[0]?.reject(new Error('gone'))
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  test('is split where a batch would grow too large, and stays in order', async () => {
    const { batches, publisher } = outlet()
    for (let id = 0; id < 1_500; id++) void publisher.publish([message(String(id))])
    await tick()
    expect(batches.map((batch) => batch.ids.split(' ').length)).toEqual([1_000, 500])
    expect(batches.flatMap((batch) => batch.ids.split(' '))).toEqual(Array.from({ length: 1_500 }, (_, id) => String(id)))
  })
})

describe('an abort', () => {
  test('before dispatch takes out only its own message, and says that nothing was sent', async () => {
    const { batches, publisher } = outlet()
    const abort = new AbortController()
    const answers = Promise.allSettled([
      publisher.publish([message('1')]),
      publisher.publish([message('2')], abort.signal),
      publisher.publish([message('3')]),
    ])
    abort.abort()
    await tick()
    expect(batches.map((batch) => batch.ids)).toEqual(['1 3'])
    batches[0]?.resolve()
    const [first, second, third] = await answers
    expect([first?.status, second?.status, third?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((second as PromiseRejectedResult).reason).toMatchObject({ outcome: 'failed' })
  })

  test('after dispatch rejects with outcome unknown, and touches no other', async () => {
    const { batches, publisher } = outlet()
    const abort = new AbortController()
    const aborted = publisher.publish([message('1')], abort.signal)
    const other = publisher.publish([message('2')])
    await tick()
    abort.abort()
    await expect(aborted).rejects.toMatchObject({ outcome: 'unknown' })
    batches[0]?.resolve()
    await other
  })

  test('that came before the call sends nothing', async () => {
    const { batches, publisher } = outlet()
    await expect(publisher.publish([message('1')], AbortSignal.abort())).rejects.toMatchObject({ outcome: 'failed' })
    await tick()
    expect(batches).toEqual([])
  })
})

test('flushed resolves when everything accepted has its answer', async () => {
  const { batches, publisher } = outlet()
  void publisher.publish([message('1')])
  let flushed = false
  const done = publisher.flushed(new AbortController().signal).then(() => (flushed = true))
  await tick()
  expect(flushed).toBe(false)
  batches[0]?.resolve()
  await done
})

test('what has no answer when the bus is out of time is given up, and says what may have become of it', async () => {
  const { publisher } = outlet()
  const sent = publisher.publish([message('1')])
  await tick()
  const waiting = publisher.publish([message('2')])
  const closing = new AbortController()
  const answers = Promise.allSettled([sent, waiting])
  closing.abort()
  await publisher.flushed(closing.signal)
  expect(await answers).toMatchObject([
    { reason: { code: 'INTERLINE_PUBLISH', outcome: 'unknown' } },
    { reason: { code: 'INTERLINE_PUBLISH' } },
  ])
})
