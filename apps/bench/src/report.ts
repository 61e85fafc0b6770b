import type { Latency } from './brokers/latency.js'
import type { Backlog } from './memory/backlog.js'
import type { CatchingUp, CostAt } from './postgres/growth.js'
import type { Table } from './rounds.js'

/** Prints what was measured, for a person as it comes, for a program as one line at the end. */
export class Report {
  readonly #json: boolean
  readonly #measured: unknown[] = []

  constructor(json: boolean) {
    this.#json = json
  }

  table(table: Table): void {
    this.#measured.push(table)
    this.#lines(
      `${table.title} (ratio to ${table.results[0]?.name})`,
      table.results,
      ({ name, ratio, eventsPerSecond, cpuMicrosPerEvent, cpuRatio }) => [
        name,
        ratio.toFixed(2),
        `${whole(eventsPerSecond)}/s`,
        `${cpuMicrosPerEvent.toFixed(2)} µs CPU`,
        `× ${cpuRatio.toFixed(2)}`,
      ],
    )
  }

  latencies(title: string, latencies: readonly Latency[]): void {
    this.#measured.push({ title, latencies })
    this.#lines(title, latencies, ({ name, p50Micros, p99Micros }) => [name, `p50 ${whole(p50Micros)} µs`, `p99 ${whole(p99Micros)} µs`])
  }

  backlog(backlog: Backlog): void {
    this.#measured.push(backlog)
    this.#lines(backlog.title, [backlog], ({ heapMiB, bytesPerEvent, heapAfterwardsMiB }) => [
      `heap +${heapMiB.toFixed(1)} MiB`,
      `${whole(bytesPerEvent)} bytes an event`,
      `+${heapAfterwardsMiB.toFixed(1)} MiB when all were handled`,
    ])
  }

  growth(title: string, costs: readonly CostAt[]): void {
    this.#measured.push({ title, costs })
    this.#lines(title, costs, ({ name, appendMs, readStreamMs, readLastMs }) => [
      name,
      `append ${appendMs.toFixed(2)} ms`,
      `50 of a stream ${readStreamMs.toFixed(2)} ms`,
      `40 of the last hundred ${readLastMs.toFixed(2)} ms`,
    ])
  }

  catchingUp(measured: CatchingUp): void {
    this.#measured.push(measured)
    this.#lines(measured.title, [measured], ({ events, seconds, heapMiB }) => [
      `${whole(events)} events`,
      `${seconds.toFixed(2)} s`,
      `heap +${heapMiB.toFixed(0)} MiB at the most`,
    ])
  }

  end(): void {
    if (this.#json)
      console.log(JSON.stringify({ node: process.version, platform: process.platform, arch: process.arch, measured: this.#measured }))
  }

  #lines<T>(title: string, items: readonly T[], columns: (item: T) => readonly string[]): void {
    if (this.#json) return
    console.log(`\n${title}`)
    for (const item of items) {
      const [name = '', ...figures] = columns(item)
      console.log(`  ${name.padEnd(46)} ${figures.map((figure) => figure.padStart(14)).join('  ')}`)
    }
  }
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}
