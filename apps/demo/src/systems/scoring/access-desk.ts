import { createHash, timingSafeEqual } from 'node:crypto'
import { IEventBus } from '@interline/nestjs'
import { Inject, Injectable } from '@nestjs/common'
import { UserAuthenticated } from './events.js'

/** Lets those in whose token it knows, by its hash. */
@Injectable()
export class AccessDesk {
  readonly #bus: IEventBus
  readonly #hashes = new Map<string, Buffer>()

  constructor(@Inject(IEventBus) bus: IEventBus) {
    this.#bus = bus
  }

  admit(userId: string, token: string): void {
    this.#hashes.set(userId, hashOf(token))
  }

  async authenticate(userId: string, token: string, address: string): Promise<void> {
    const expected = this.#hashes.get(userId)
    if (expected === undefined || !timingSafeEqual(expected, hashOf(token))) throw new Error('The user or the token is wrong.')
    await this.#bus.publish(UserAuthenticated({ userId, address }, { aggregateType: 'user', aggregateId: userId, userId }))
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
