import { ConfigurationError, isInterlineError } from '@interline/core'
import type { Channel } from 'amqplib'
import { declarationFailure, isNotFound } from './failure.js'
import type { Link } from './link.js'
import type { ResolvedOptions } from './rabbitmq-options.js'

/** Something that has to be on the server. */
export type Declaration =
  | {
      readonly kind: 'exchange'
      readonly name: string
      readonly type: 'topic' | 'fanout' | 'headers'
      readonly alternate?: string | undefined
    }
  | { readonly kind: 'queue'; readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'binding'
      readonly to: 'queue' | 'exchange'
      readonly name: string
      readonly source: string
      readonly pattern: string
      readonly headers?: Readonly<Record<string, string>> | undefined
    }

export interface Need {
  readonly key: string
  readonly declarations: () => readonly Declaration[]
  /** Told by whoever makes it, before it is made. */
  readonly announced?: { readonly exchange: string; readonly announce: () => Promise<void> } | undefined
}

export interface Counted {
  readonly ready: number
  readonly consumers: number
}

/** Declares what is needed, once for each connection, on channels of its own: what the server refuses closes a channel. */
export class Topology {
  readonly #link: Link
  readonly #provision: boolean
  readonly #known = new Map<string, true | Promise<void>>()
  #model: unknown

  constructor(link: Link, { provision }: ResolvedOptions) {
    this.#link = link
    this.#provision = provision
  }

  has(need: Need): boolean {
    return this.#known.get(need.key) === true && this.#model === this.#link.model
  }

  /** Rejects with ConfigurationError where the server has it otherwise, or not at all and nothing may be declared. */
  ensure(need: Need): Promise<void> {
    if (this.#model !== this.#link.model) this.forget()
    const known = this.#known.get(need.key)
    if (known !== undefined) return known === true ? Promise.resolve() : known
    this.#model = this.#link.model
    const done = this.#make(need).then(
      () => void (this.#known.get(need.key) === done && this.#known.set(need.key, true)),
      (error: unknown) => {
        if (this.#known.get(need.key) === done) this.#known.delete(need.key)
        throw error
      },
    )
    this.#known.set(need.key, done)
    return done
  }

  /** Something was removed on the server: everything is declared again where it is needed. */
  forget(): void {
    this.#known.clear()
  }

  /** Runs on a channel that is closed afterwards. */
  async use<Result>(what: string, run: (channel: Channel) => Promise<Result>): Promise<Result> {
    const channel = await this.channel()
    try {
      return await run(channel)
    } catch (thrown) {
      throw isInterlineError(thrown) ? thrown : declarationFailure(what, thrown)
    } finally {
      // not awaited: the client never answers where the connection breaks meanwhile
      channel.close().catch(() => undefined)
    }
  }

  /** What waits in a queue, and how many consumers it has; `undefined` where it is not there. */
  async count(queue: string): Promise<Counted | undefined> {
    try {
      return await this.use(`queue "${queue}"`, async (channel) => {
        const { messageCount, consumerCount } = await channel.checkQueue(queue)
        return { ready: messageCount, consumers: consumerCount }
      })
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined
      throw thrown
    }
  }

  channel(): Promise<Channel> {
    return this.#link.channel()
  }

  async #make({ announced, declarations }: Need): Promise<void> {
    if (announced !== undefined && this.#provision && !(await this.#hasExchange(announced.exchange))) await announced.announce()
    if (this.#provision) await this.#declare(declarations())
    else await this.#check(declarations())
  }

  async #hasExchange(exchange: string): Promise<boolean> {
    try {
      await this.use(`exchange "${exchange}"`, (channel) => channel.checkExchange(exchange))
      return true
    } catch (thrown) {
      if (isNotFound(thrown)) return false
      throw thrown
    }
  }

  async #declare(declarations: readonly Declaration[]): Promise<void> {
    const things = declarations.filter(({ kind }) => kind !== 'binding')
    const bindings = declarations.filter(({ kind }) => kind === 'binding')
    for (const each of [things, bindings]) await Promise.all(shares(each).map((share) => this.#apply(share)))
  }

  async #apply(declarations: readonly Declaration[]): Promise<void> {
    await this.use('', async (channel) => {
      for (const declaration of declarations) {
        try {
          await declare(channel, declaration)
        } catch (thrown) {
          throw declarationFailure(`${declaration.kind} "${declaration.name}"`, thrown)
        }
      }
    })
  }

  /** Everything that is missing, in one message. Bindings can't be asked for. */
  async #check(declarations: readonly Declaration[]): Promise<void> {
    const missing: string[] = []
    for (const { kind, name } of declarations) {
      const isThere = kind === 'exchange' ? await this.#hasExchange(name) : kind === 'binding' || (await this.count(name)) !== undefined
      if (!isThere) missing.push(`${kind} "${name}"`)
    }
    if (missing.length === 0) return
    throw new ConfigurationError(`RabbitMQ has no ${missing.join(', no ')}. Create what is missing, or set provision: true.`)
  }
}

/** A quorum queue takes the server a while to make, and a channel waits for each answer. */
function shares(declarations: readonly Declaration[]): readonly (readonly Declaration[])[] {
  const size = Math.ceil(declarations.length / 4)
  return [0, 1, 2, 3].map((index) => declarations.slice(index * size, (index + 1) * size)).filter(({ length }) => length > 0)
}

function declare(channel: Channel, declaration: Declaration): Promise<unknown> {
  switch (declaration.kind) {
    case 'exchange': {
      const { name, type, alternate } = declaration
      return channel.assertExchange(name, type, { durable: true, ...(alternate === undefined ? {} : { alternateExchange: alternate }) })
    }
    case 'queue':
      return channel.assertQueue(declaration.name, { durable: true, arguments: declaration.arguments })
    case 'binding': {
      const { to, name, source, pattern, headers } = declaration
      const words = headers === undefined ? {} : { 'x-match': 'all', ...headers }
      return to === 'queue' ? channel.bindQueue(name, source, pattern, words) : channel.bindExchange(name, source, pattern, words)
    }
    default:
      return declaration satisfies never
  }
}
