import { Database } from '../database.js'
import type { Member } from './member.js'
import type { Order, Reply } from './messages.js'
import { type Assignment, memberFor } from './roles.js'

type AnyMember = Member<Record<string, (...words: unknown[]) => Promise<unknown>>>

let database: Promise<Database> | undefined
let member: Promise<AnyMember> | undefined
let ending: Promise<void> | undefined

async function become({ role, broker, database: place }: Assignment): Promise<AnyMember> {
  database = Database.open(place)
  return memberFor(role, broker, await database) as unknown as AnyMember
}

async function end(): Promise<void> {
  await Promise.allSettled([member?.then((made) => made[Symbol.asyncDispose]())])
  await Promise.allSettled([database?.then((opened) => opened[Symbol.asyncDispose]())])
  if (process.connected) process.disconnect()
}

async function answer({ number, verb, words }: Extract<Order, { kind: 'ask' }>): Promise<Reply> {
  try {
    return { number, answer: await (await member)?.ask(verb, ...words) }
  } catch (thrown) {
    return { number, failure: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

process.on('message', (order: Order) => {
  if (order.kind === 'be') {
    member = become(order.assignment)
    // whoever asks it is told
    member.catch(() => undefined)
  } else if (order.kind === 'ask') void answer(order).then((reply) => process.send?.(reply))
  else ending ??= end()
})
// Ctrl-C reaches every process of the terminal; the parent decides when its members end
process.on('SIGINT', () => undefined)
process.on('disconnect', () => void (ending ??= end()))
