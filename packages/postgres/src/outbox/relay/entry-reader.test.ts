import { expect, test } from 'vitest'
import { EntryReader } from './entry-reader.js'
import type { EntryTable } from './entry-table.js'
import type { TakenEntry } from './taken-entry.js'

/** A table whose first page takes long, as where an old transaction keeps all that was sent. It tells from where it was read. */
function slowTable() {
  const from: number[] = []
  const pages = [[5], [6], [7], [], [8]]
  const table: Pick<EntryTable, 'take' | 'adders'> = {
    async take(partitions, after) {
      from.push(after[0] as number)
      // Longer than what counts as quick, and so that no pass of this test outlasts what is kept for it.
      if (from.length === 1) await new Promise((resolve) => setTimeout(resolve, 100))
      const ids = pages.shift() ?? []
      const entries = ids.map((id) => ({ partition: partitions[0], id: String(id) }) as TakenEntry)
      return { entries, snapshot: ids.length === 0 ? '' : `${100 + from.length}:${100 + from.length}:` }
    },
    adders: async () => new Set(),
  }
  return { from, reader: new EntryReader(table as EntryTable, 100) }
}

/** A pass of three batches, each put away by a transaction of its own. */
async function pass(reader: EntryReader): Promise<void> {
  reader.begin()
  for (let transaction = 101; ; transaction++) {
    const batch = await reader.take([1])
    if (batch.length === 0) return
    reader.putting(batch)(transaction)
  }
}

test('where reading from the beginning takes long, the next pass goes on from where the one before has come to', async () => {
  const { from, reader } = slowTable()
  await pass(reader)
  expect(from).toEqual([0, 0, 5, 5])
  reader.begin()
  await reader.take([1])
  expect(from.at(-1)).toBeGreaterThan(0)
})

test('and from the beginning again where something that was passed by is ready', async () => {
  const { from, reader } = slowTable()
  await pass(reader)
  reader.forget()
  reader.begin()
  await reader.take([1])
  expect(from.at(-1)).toBe(0)
})
