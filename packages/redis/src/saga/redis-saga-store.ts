import { randomUUID } from 'node:crypto'
import type {
  Abortable,
  ClaimedSaga,
  DueSagas,
  ISagaStore,
  SagaChange,
  SagaFilter,
  SagaLease,
  SagaList,
  SagaPage,
  SagaRecord,
  SagaStatus,
  SaveSagaOptions,
} from '@interline/core'
import { type Links, linksOf, type Route } from '../links.js'
import { type RedisConnectionOptions, resolveConnection } from '../redis-options.js'
import type { Script, ScriptArgument } from '../scripts/index.js'
import { claimDueScript, claimScript, createScript, removeEndedScript, renewScript, saveScript } from './scripts.js'

type Answer = readonly (string | null)[]
type ClaimAnswer = readonly [Answer, string, number]

const defaultLimit = 100
const scanPage = 500
const ended = ['completed', 'compensated'] as const satisfies readonly SagaStatus[]

/**
 * Sagas on Redis, each a hash, all of a prefix in one slot of a cluster. What they survive is what the server's persistence says; after a
 * failover to a replica that had not received the last writes, a step may run again.
 */
export class RedisSagaStore implements ISagaStore {
  readonly #links: Links
  readonly #base: string

  constructor(options: RedisConnectionOptions = {}) {
    const resolved = resolveConnection(options)
    this.#links = linksOf(resolved, 'control')
    this.#base = `{${resolved.prefix}:sagas}`
  }

  async create(
    type: string,
    id: string,
    { status, dueAt, body }: SagaChange,
    { leaseMs, signal }: SagaLease,
  ): Promise<ClaimedSaga | undefined> {
    const values = [nameOf(type, id), randomUUID(), leaseMs, type, id, status, dueAt ?? '', body]
    const answer = (await this.#run(createScript, values, signal)) as ClaimAnswer | null
    return answer === null ? undefined : claimedOf(answer)
  }

  async load(type: string, id: string, { signal }: Abortable = {}): Promise<SagaRecord | undefined> {
    signal?.throwIfAborted()
    const [record] = await this.#read([nameOf(type, id)])
    return record
  }

  async claim(type: string, id: string, { leaseMs, signal }: SagaLease): Promise<ClaimedSaga | 'busy' | undefined> {
    const answer = (await this.#run(claimScript, [nameOf(type, id), randomUUID(), leaseMs], signal)) as ClaimAnswer | 'busy' | null
    if (answer === null || answer === 'busy') return answer ?? undefined
    return claimedOf(answer)
  }

  /** An answer that is lost leaves what it claimed until the lease ends. */
  async claimDue(types: readonly string[], { leaseMs, limit, signal }: SagaLease & { readonly limit: number }): Promise<DueSagas> {
    if (types.length === 0) return { claimed: [], nextInMs: undefined }
    const answer = await this.#run(claimDueScript, [randomUUID(), leaseMs, limit, ...types], signal)
    const [claimed, next] = answer as readonly [readonly ClaimAnswer[], string]
    return { claimed: claimed.map(claimedOf), nextInMs: next === '' ? undefined : Number(next) }
  }

  async save(record: SagaRecord, change: SagaChange, { leaseMs, signal }: SaveSagaOptions): Promise<SagaRecord | undefined> {
    const { status, dueAt, body } = change
    const values = [nameOf(record.type, record.id), randomUUID(), record.revision, leaseMs ?? '', status, dueAt ?? '', body]
    const answer = (await this.#run(saveScript, values, signal)) as Answer | null
    return answer === null ? undefined : recordOf(answer)
  }

  async renew({ type, id, revision }: SagaRecord, { leaseMs, signal }: SagaLease): Promise<boolean> {
    return (await this.#run(renewScript, [nameOf(type, id), revision, leaseMs], signal)) === 1
  }

  async list(filter: SagaFilter = {}, { limit = defaultLimit, after, signal }: SagaPage = {}): Promise<SagaList> {
    const sagas: SagaRecord[] = []
    let last = after
    for await (const [record, age] of this.#scan(filter, after, signal)) {
      if (sagas.length === limit) return { sagas, next: last }
      sagas.push(record)
      last = age
    }
    return { sagas, next: undefined }
  }

  async count(filter: SagaFilter = {}, { signal }: Abortable = {}): Promise<number> {
    signal?.throwIfAborted()
    if (filter.type === undefined) return this.#route.run((client) => client.zcard(this.#index(filter)))
    let count = 0
    for await (const _ of this.#scan(filter, undefined, signal)) count++
    return count
  }

  async removeEnded(before: Date, { signal }: Abortable = {}): Promise<number> {
    let removed = 0
    for (const status of ended) {
      for await (const [{ type, id, updatedAt }] of this.#scan({ status }, undefined, signal)) {
        if (updatedAt >= before.getTime()) continue
        removed += (await this.#run(removeEndedScript, [nameOf(type, id), status, before.getTime()], signal)) as number
      }
    }
    return removed
  }

  close(): void {
    this.#links.close()
  }

  get #route(): Route {
    return this.#links.at(this.#base)
  }

  #run(script: Script, values: readonly (string | number)[], signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted()
    const given: ScriptArgument[] = values.map(String)
    return this.#route.run((client) => script.run(client, [this.#base], given))
  }

  #index({ status }: SagaFilter): string {
    return status === undefined ? `${this.#base}:all` : `${this.#base}:status:${status}`
  }

  /** By age, each with its age as a cursor. */
  async *#scan(
    filter: SagaFilter,
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly [SagaRecord, string]> {
    for (let from = after; ; ) {
      signal?.throwIfAborted()
      const least = from === undefined ? '-inf' : `(${from}`
      const found = await this.#route.run((client) =>
        client.zrangebyscore(this.#index(filter), least, '+inf', 'WITHSCORES', 'LIMIT', 0, scanPage),
      )
      const names = found.filter((_, at) => at % 2 === 0)
      const records = await this.#read(names)
      for (const [at, record] of records.entries()) {
        const fits = record !== undefined && (filter.type === undefined || record.type === filter.type)
        if (fits && (filter.status === undefined || record.status === filter.status)) yield [record, found[at * 2 + 1] as string]
      }
      if (names.length < scanPage) return
      from = found.at(-1)
    }
  }

  async #read(names: readonly string[]): Promise<(SagaRecord | undefined)[]> {
    if (names.length === 0) return []
    return this.#route.run(async (client) => {
      const answers = await Promise.all(
        names.map((name) => client.hmget(`${this.#base}:saga:${name}`, 't', 'i', 's', 'r', 'd', 'c', 'u', 'b')),
      )
      return answers.map((answer) => (answer[0] === null ? undefined : recordOf(answer)))
    })
  }
}

/** Types and ids are any text. */
function nameOf(type: string, id: string): string {
  return JSON.stringify([type, id])
}

function claimedOf([answer, now, lapsed]: ClaimAnswer): ClaimedSaga {
  return { record: recordOf(answer), now: Number(now), lapsed: lapsed === 1 }
}

function recordOf([type, id, status, revision, due, created, updated, body]: Answer): SagaRecord {
  return {
    type: String(type),
    id: String(id),
    status: status as SagaStatus,
    revision: Number(revision),
    dueAt: due === '' ? undefined : Number(due),
    createdAt: Number(created),
    updatedAt: Number(updated),
    body: String(body),
  }
}
