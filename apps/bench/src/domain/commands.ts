import { staticSchema } from '@interline/core'
import { CommandBus, defineCommand } from '@interline/domain'
import type { Contestant } from '../rounds.js'

const Add = defineCommand('BenchAdd', { schema: staticSchema<{ n: number }>(), result: staticSchema<number>() })

/** The handler called as a function, and through the bus of the process. */
export async function callers(): Promise<readonly Contestant[]> {
  let sum = 0
  const handle = async ({ data }: { readonly data: { readonly n: number } }): Promise<number> => (sum += data.n)
  const commands = new CommandBus()
  await commands.register(Add, handle)
  const contestant = (name: string, call: (n: number) => Promise<number>): Contestant => ({
    name,
    async run(events) {
      sum = 0
      for (let n = 0; n < events; n++) await call(n)
    },
    check(events) {
      const wanted = (events * (events - 1)) / 2
      if (sum !== wanted) throw new Error(`${name} added up to ${sum} instead of ${wanted}.`)
    },
  })
  return [
    contestant('the handler, called', (n) => handle({ data: { n } })),
    contestant('a command dispatched here', (n) => commands.dispatch(Add({ n }))),
  ]
}
