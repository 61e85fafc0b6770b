import { waitFor } from '../waiting/wait-for.js'

const limitMs = 3_000

/** What a process holds open before a scenario, to be compared with what it holds afterwards. */
export class Leaks implements Disposable {
  readonly #before = openThings()
  readonly #listenersBefore = listeners()
  readonly #warnings: Error[] = []
  readonly #warned = (warning: Error): void => void this.#warnings.push(warning)

  constructor() {
    process.on('warning', this.#warned)
  }

  /** Throws where sockets or timers are open that were not, or a listener stayed. A socket that closes just now has a moment. */
  async check(): Promise<void> {
    await waitFor(() => this.#added().length === 0, {
      limitMs,
      what: 'sockets and timers to be let go',
      progress: () => this.#added().join(),
    })
    this[Symbol.dispose]()
    const more = Object.entries(listeners()).filter(([name, count]) => count > (this.#listenersBefore[name] ?? 0))
    if (more.length > 0) throw new Error(`Listeners of the process stayed: ${more.map(([name]) => name).join(', ')}.`)
    const crowded = this.#warnings.find(({ name }) => name === 'MaxListenersExceededWarning')
    if (crowded !== undefined) throw new Error(`Listeners piled up: ${crowded.stack}`)
  }

  [Symbol.dispose](): void {
    process.off('warning', this.#warned)
  }

  #added(): readonly string[] {
    return Object.entries(openThings()).flatMap(([name, count]) => {
      const more = count - (this.#before[name] ?? 0)
      return more > 0 ? [`${more} ${name}`] : []
    })
  }
}

/** Sockets, and timers that keep the process alive. */
function openThings(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    if (name === 'TCPSocketWrap' || name === 'TLSWrap' || name === 'Timeout') counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

function listeners(): Readonly<Record<string, number>> {
  const names = process.eventNames().filter((name) => name !== 'warning')
  return Object.fromEntries(names.map((name) => [String(name), process.listenerCount(name)]))
}
