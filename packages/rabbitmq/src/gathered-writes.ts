import type { ChannelModel } from 'amqplib'

interface Gathering {
  cork(): void
  uncork(): void
  write(chunk: unknown, ...rest: unknown[]): boolean
}

/**
 * Sends what is written in one tick in one call of the system. The client empties the queues of all channels in one tick, but writes each
 * frame by itself, and without Nagle's delay, which would cost 40 ms where few frames are sent, each would be a packet. A client that does
 * not show its socket is left as it is.
 */
export function gatherWrites(model: ChannelModel): void {
  const { stream } = model.connection as { readonly stream?: Partial<Gathering> }
  if (stream?.write === undefined || stream.cork === undefined || stream.uncork === undefined) return
  const socket = stream as Gathering
  const write = socket.write
  let gathering = false
  socket.write = (chunk, ...rest) => {
    if (!gathering) {
      gathering = true
      socket.cork()
      process.nextTick(() => {
        gathering = false
        socket.uncork()
      })
    }
    return write.call(socket, chunk, ...rest)
  }
}
