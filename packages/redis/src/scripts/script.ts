import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

export type ScriptArgument = string | Buffer

export interface ScriptOptions {
  /** Also on a full server: for what handles events, as room comes from handling them. */
  readonly whenFull?: boolean | undefined
}

/** A Lua script, sent by its hash, and once in full to a server that does not know it. */
export class Script {
  readonly #lua: string
  readonly #hash: string

  constructor(lua: string, { whenFull = false }: ScriptOptions = {}) {
    this.#lua = whenFull ? `#!lua flags=allow-oom\n${lua}` : lua
    this.#hash = createHash('sha1').update(this.#lua).digest('hex')
  }

  run(client: Redis, keys: readonly string[], values: readonly ScriptArgument[]): Promise<unknown> {
    return this.#run(client, keys, values, (parameters) => client.call('evalsha', parameters))
  }

  /** With texts of the answer as bytes. */
  runBinary(client: Redis, keys: readonly string[], values: readonly ScriptArgument[]): Promise<unknown> {
    return this.#run(client, keys, values, (parameters) => client.callBuffer('evalsha', parameters))
  }

  async #run(
    client: Redis,
    keys: readonly string[],
    values: readonly ScriptArgument[],
    call: (parameters: ScriptArgument[]) => Promise<unknown>,
  ): Promise<unknown> {
    const parameters: ScriptArgument[] = [this.#hash, String(keys.length), ...keys]
    for (const value of values) parameters.push(value)
    try {
      return await call(parameters)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      // not EVAL: on a slot that moves, it would be sent to where it is not known again
      await client.script('LOAD', this.#lua)
      return call(parameters)
    }
  }
}
