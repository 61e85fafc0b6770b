/** More than any chain inside core needs: each turn empties the queue of promises and lets `setImmediate` callbacks run. */
const turns = 4

/** Lets promises that are ready run, and what they set off, without letting time pass. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}
