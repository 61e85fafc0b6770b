import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Member } from './member.js'
import type { Order, Reply } from './messages.js'
import type { Assignment } from './roles.js'

const program = new URL('./member-process.js', import.meta.url)
/** Longer than a bus takes to close. */
const longestEndMs = 20_000
/** One that dies again and again has a reason to. */
const mostLives = 5

interface Question {
  readonly order: Order
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** A member in a process of its own. Where that dies another takes its place: started, and asked what had no answer. */
export class RemoteMember<Part extends { start(): Promise<void> }> implements Member<Part> {
  readonly #assignment: Assignment
  readonly #say: (text: string) => void
  readonly #questions = new Map<number, Question>()
  #child: ChildProcess
  #lives = 0
  #asked = 0
  #ending = false

  constructor(assignment: Assignment, say: (text: string) => void) {
    this.#assignment = assignment
    this.#say = say
    this.#child = this.#fork()
  }

  readonly ask: Member<Part>['ask'] = (verb, ...words) => {
    const number = ++this.#asked
    return new Promise<never>((resolve, reject) => {
      const order = { kind: 'ask', number, verb, words } as const
      this.#questions.set(number, { order, resolve, reject })
      this.#tell(order)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), longestEndMs)
    this.#tell({ kind: 'end' })
    await exit
    clearTimeout(timer)
  }

  #fork(): ChildProcess {
    this.#lives++
    const child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] })
    child.on('message', (reply: Reply) => this.#answered(reply))
    child.on('exit', (code, signal) => this.#died(signal ?? `exit code ${code}`))
    child.send({ kind: 'be', assignment: this.#assignment } satisfies Order, () => undefined)
    this.#say(`${this.#assignment.role}: pid ${child.pid}`)
    return child
  }

  /** What does not reach one that is dying is told to the next. */
  #tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => undefined)
  }

  #answered(reply: Reply): void {
    const question = this.#questions.get(reply.number)
    this.#questions.delete(reply.number)
    if ('failure' in reply) question?.reject(new Error(`${this.#assignment.role}: ${reply.failure}`))
    else question?.resolve(reply.answer)
  }

  #died(how: string): void {
    if (this.#ending) return
    const { role } = this.#assignment
    this.#say(`${role} (pid ${this.#child.pid}) died of ${how}.`)
    const waiting = [...this.#questions.values()]
    if (this.#lives === mostLives) {
      for (const { reject } of waiting) reject(new Error(`${role} died ${mostLives} times.`))
      return
    }
    this.#child = this.#fork()
    this.#tell({ kind: 'ask', number: 0, verb: 'start', words: [] })
    for (const { order } of waiting) this.#tell(order)
  }
}
