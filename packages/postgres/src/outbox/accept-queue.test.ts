import { expect, test } from 'vitest'
import { AcceptQueue } from './accept-queue.js'
import type { Entry } from './entry-writer.js'

const entry = (key: string | null, id: string): Entry => ({ destination: 'd', key, id }) as Entry

/** A queue whose writes end when they are told to, and what each of them had. */
function queued() {
  const writes: { readonly ids: readonly string[]; end(error?: Error): Promise<void> }[] = []
  const queue = new AcceptQueue(
    (entries) =>
      new Promise((resolve, reject) => {
        const end = async (error?: Error): Promise<void> => {
          if (error === undefined) resolve()
          else reject(error)
          for (let turn = 0; turn < 10; turn++) await undefined
        }
        writes.push({ ids: entries.map(({ id }) => id), end })
      }),
  )
  const add = (key: string | null, id: string, signal?: AbortSignal): Promise<string> =>
    queue.add([entry(key, id)], signal).then(
      () => 'kept',
      (error: unknown) => (error as Error).message,
    )
  return { queue, writes, add, ids: () => writes.map(({ ids }) => ids) }
}

test('what is accepted for a key waits for what was accepted before, and leaves together; the others wait for nobody', async () => {
  const { queue, writes, add, ids } = queued()
  const all = [add('a', '1'), add('a', '2'), add('b', '3'), add(null, '4'), add('a', '5')]
  const both = queue.add([entry('a', '6'), entry('b', '7')], undefined)
  const last = add('b', '8')
  expect(ids()).toEqual([['1'], ['3'], ['4']])
  await writes[0]?.end()
  // The sixth has to wait for the third, and the eighth for the seventh.
  expect(ids().slice(3)).toEqual([['2', '5']])
  await writes[1]?.end()
  expect(ids().slice(4)).toEqual([])
  await writes[3]?.end()
  expect(ids().slice(4)).toEqual([['6', '7', '8']])
  await writes[2]?.end()
  await writes[4]?.end()
  expect(await Promise.all([...all, both, last])).toEqual(['kept', 'kept', 'kept', 'kept', 'kept', undefined, 'kept'])
})

test('one that is aborted while it waits is not written, and those behind it go on', async () => {
  const { writes, add, ids } = queued()
  const aborted = new AbortController()
  const all = [add('a', '1'), add('a', '2', aborted.signal), add('a', '3')]
  aborted.abort(new Error('no longer'))
  await writes[0]?.end()
  expect(ids()).toEqual([['1'], ['3']])
  await writes[1]?.end()
  expect(await Promise.all(all)).toEqual(['kept', 'no longer', 'kept'])
})

test('where the server refuses several, each is tried alone; where nobody knows, none is', async () => {
  const { writes, add, ids } = queued()
  const refused = Object.assign(new Error('refused'), { code: '22021', severity: 'ERROR' })
  const all = [add('a', '1'), add('a', '2'), add('a', '3'), add('a', '4')]
  await writes[0]?.end()
  await writes[1]?.end(refused)
  await writes[2]?.end()
  await writes[3]?.end(refused)
  await writes[4]?.end()
  expect(ids()).toEqual([['1'], ['2', '3', '4'], ['2'], ['3'], ['4']])
  expect(await Promise.all(all)).toEqual(['kept', 'kept', 'refused', 'kept'])
  const more = [add('a', '5'), add('a', '6'), add('a', '7')]
  await writes[5]?.end()
  await writes[6]?.end(new Error('the connection was lost'))
  expect(await Promise.all(more)).toEqual(['kept', 'the connection was lost', 'the connection was lost'])
  expect(ids().length).toBe(7)
})
