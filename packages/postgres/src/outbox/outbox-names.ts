import { TableNames } from '../table-names.js'

/** What an outbox has in its schema. */
export class OutboxNames extends TableNames {
  /** What waits. */
  get entries(): string {
    return this.named('')
  }

  /** What was sent and is kept, in slots that are emptied as a whole. */
  get sent(): string {
    return this.named('_sent')
  }

  /** One of the slots. */
  sentSlot(slot: number): string {
    return this.named(`_sent_${slot}`)
  }

  get slots(): string {
    return this.named('_slots')
  }

  get partitions(): string {
    return this.named('_partitions')
  }

  get relays(): string {
    return this.named('_relays')
  }

  /** The view for people. */
  get events(): string {
    return this.named('_events')
  }

  get claim(): string {
    return this.named('_claim')
  }

  get adopt(): string {
    return this.named('_adopt')
  }

  get take(): string {
    return this.named('_take')
  }

  get probe(): string {
    return this.named('_probe')
  }

  get complete(): string {
    return this.named('_complete')
  }

  get rotate(): string {
    return this.named('_rotate')
  }

  get hold(): string {
    return this.named('_hold')
  }

  get release(): string {
    return this.named('_release')
  }
}
