import type { Socket } from 'node:net'
import type { Direction, Faults } from './fault-proxy.js'

/** One proxied connection: two one-way flows that ask for the present faults at every chunk. */
export class FaultyLink {
  readonly #client: Socket
  readonly #server: Socket
  readonly #flows: readonly Flow[]
  #closed: (() => void) | undefined

  constructor(client: Socket, server: Socket, faults: () => Faults) {
    this.#client = client
    this.#server = server
    this.#flows = [new Flow(client, server, 'requests', faults), new Flow(server, client, 'replies', faults)]
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      // An error of one side is seen by the other as a reset; 'close' follows it.
      socket.on('error', () => undefined)
      socket.on('close', () => this.#end(socket))
    }
  }

  onClosed(callback: () => void): void {
    this.#closed = callback
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
  }

  /** Whether bytes of it are lost for good. */
  get lostBytes(): boolean {
    return this.#flows.some((flow) => flow.lostBytes)
  }

  heal(): void {
    if (this.lostBytes) this.reset()
    else for (const flow of this.#flows) flow.release()
  }

  #end(socket: Socket): void {
    // A reset stays a reset, and an orderly end stays one; held bytes are lost with the connection.
    const other = socket === this.#client ? this.#server : this.#client
    if (!other.destroyed) other.destroySoon()
    this.#closed?.()
  }
}

class Flow {
  readonly #from: Socket
  readonly #to: Socket
  readonly #direction: Direction
  readonly #faults: () => Faults
  #held: Buffer[] = []
  #last: Promise<void> = Promise.resolve()
  #queued = 0
  lostBytes = false

  constructor(from: Socket, to: Socket, direction: 'requests' | 'replies', faults: () => Faults) {
    this.#from = from
    this.#to = to
    this.#direction = direction
    this.#faults = faults
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    to.on('drain', () => this.#from.resume())
  }

  release(): void {
    const held = this.#held
    this.#held = []
    for (const chunk of held) this.#pass(chunk)
  }

  #take(chunk: Buffer): void {
    const { blackhole, dropReplies } = this.#faults()
    if (blackhole === 'both' || blackhole === this.#direction || this.#held.length > 0) this.#held.push(chunk)
    else if (dropReplies && this.#direction === 'replies') this.lostBytes = true
    else this.#pass(chunk)
  }

  /** In order, whatever the faults were when each chunk came: a shorter latency never lets bytes overtake. */
  #pass(chunk: Buffer): void {
    const { latencyMs, sliceBytes } = this.#faults()
    if (latencyMs === 0 && sliceBytes === undefined && this.#queued === 0) {
      this.#write(chunk)
      return
    }
    this.#queued += 1
    const due = delay(latencyMs)
    this.#last = this.#last
      .then(() => due)
      .then(() => this.#writeSliced(chunk, sliceBytes))
      .finally(() => {
        this.#queued -= 1
      })
  }

  async #writeSliced(chunk: Buffer, sliceBytes: number | undefined): Promise<void> {
    const size = sliceBytes ?? chunk.length
    for (let start = 0; start < chunk.length; start += size) {
      this.#write(chunk.subarray(start, start + size))
      await new Promise(setImmediate)
    }
  }

  #write(chunk: Buffer): void {
    if (!this.#to.destroyed && !this.#to.write(chunk)) this.#from.pause()
  }
}

function delay(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))
}
