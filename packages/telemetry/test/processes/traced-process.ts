import { type ChildProcess, fork } from 'node:child_process'
import { waitFor } from '@interline/testing'

export interface ProcessSpan {
  readonly name: string
  readonly kind: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly links: readonly string[]
  /** Whose it is. */
  readonly scope: string
}

export interface TracedOptions {
  readonly broker: 'redis' | 'kafka'
  readonly url: string
  readonly namespace: string
  readonly role: 'billing' | 'mail'
  readonly driverSpans?: boolean
}

type Message = { readonly kind: string; readonly spans?: readonly ProcessSpan[] }

/** Another process with a traced bus. */
export class TracedProcess implements Disposable {
  readonly #child: ChildProcess
  readonly #messages: Message[] = []
  #errors = ''

  constructor(options: TracedOptions) {
    const program = new URL('./traced-worker.mjs', import.meta.url)
    this.#child = fork(program, [JSON.stringify(options)], {
      // the compiled packages, as a program has them
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.on('message', (message: Message) => this.#messages.push(message))
    this.#child.stderr?.on('data', (data: Buffer) => {
      this.#errors += data.toString()
    })
  }

  async told(kind: string): Promise<Message> {
    const found = (): Message | undefined => this.#messages.find((message) => message.kind === kind)
    const condition = (): boolean => {
      if (this.#child.exitCode) throw new Error(`The process ended: ${this.#errors}`)
      return found() !== undefined
    }
    await waitFor(condition, { limitMs: 20_000, what: `a process to say "${kind}" ${this.#errors}` })
    return found() as Message
  }

  async publish(): Promise<void> {
    this.#child.send({ kind: 'publish' })
    await this.told('published')
  }

  async end(): Promise<readonly ProcessSpan[]> {
    this.#child.send({ kind: 'end' })
    return (await this.told('spans')).spans ?? []
  }

  [Symbol.dispose](): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
  }
}
