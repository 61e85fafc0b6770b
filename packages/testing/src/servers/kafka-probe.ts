import { connect } from 'node:net'

const apiVersions = 18
const metadata = 3

export interface KafkaServer {
  readonly host?: string | undefined
  readonly port: number
  readonly limitMs?: number | undefined
}

/** Whether a Kafka answers there. Asks for the versions it speaks, which needs no login. Never throws for a server that is not there. */
export async function kafkaAnswers(server: KafkaServer): Promise<boolean> {
  return (await ask(server, apiVersions, 0, Buffer.alloc(0))) !== undefined
}

/** What a node of a cluster knows: how many nodes there are, and how many partitions lack a leader or a replica. */
export async function kafkaState(server: KafkaServer): Promise<{ readonly nodes: number; readonly behind: number } | undefined> {
  // all topics, and none is to be made
  const answer = await ask(server, metadata, 4, Buffer.from([255, 255, 255, 255, 0]))
  return answer === undefined ? undefined : new MetadataReader(answer).read()
}

/** The answer behind its correlation id; `undefined` where none comes. */
function ask(
  { host = '127.0.0.1', port, limitMs = 1_000 }: KafkaServer,
  api: number,
  version: number,
  body: Buffer,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    const chunks: Buffer[] = []
    const finish = (answer?: Buffer): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(), limitMs)
    socket.once('error', () => finish())
    socket.once('close', () => finish())
    socket.once('connect', () => {
      // length, API, its version, a correlation id, no client id
      const head = Buffer.alloc(14)
      head.writeInt32BE(10 + body.length, 0)
      head.writeInt16BE(api, 4)
      head.writeInt16BE(version, 6)
      head.writeInt32BE(7, 8)
      head.writeInt16BE(-1, 12)
      socket.write(Buffer.concat([head, body]))
    })
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const reply = Buffer.concat(chunks)
      if (reply.length < 8 || reply.length < reply.readInt32BE(0) + 4) return
      finish(reply.readInt32BE(4) === 7 ? reply.subarray(8) : undefined)
    })
  })
}

/** Metadata of version 4: throttle time, nodes, cluster, controller, topics with their partitions. */
class MetadataReader {
  readonly #bytes: Buffer
  #at = 4

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  read(): { readonly nodes: number; readonly behind: number } {
    let nodes = 0
    this.#each(() => {
      nodes++
      this.#int32()
      this.#text()
      this.#int32()
      this.#text()
    })
    this.#text()
    this.#int32()
    let behind = 0
    this.#each(() => {
      this.#at += 2
      this.#text()
      this.#at += 1
      this.#each(() => {
        this.#at += 6
        const leader = this.#int32()
        const replicas = this.#each(() => this.#int32())
        const inSync = this.#each(() => this.#int32())
        if (leader < 0 || inSync < replicas) behind++
      })
    })
    return { nodes, behind }
  }

  #each(read: () => unknown): number {
    const count = this.#int32()
    for (let index = 0; index < count; index++) read()
    return count
  }

  #int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  #text(): void {
    this.#at += 2 + Math.max(0, this.#bytes.readInt16BE(this.#at))
  }
}
