import { Injectable } from '@nestjs/common'
import { DomainEvent, defineEvent, EventHandler, type EventMetadata, type EventOf, HandleEvent, staticSchema } from 'interline'

export const OrderPlaced = defineEvent('nest.OrderPlaced', {
  topic: 'nest-orders.placed',
  schema: staticSchema<{ readonly orderId: string }>(),
  key: ({ orderId }) => orderId,
})

export class OrderShipped extends DomainEvent {
  readonly eventType = 'nest.OrderShipped'
  readonly version = 1
  readonly topic = 'nest-orders.shipped'

  constructor(
    readonly orderId: string,
    metadata?: Partial<EventMetadata>,
  ) {
    super(metadata)
  }
}

@Injectable()
export class Journal {
  readonly lines: string[] = []
}

@Injectable()
@EventHandler(OrderPlaced)
export class OrderMail {
  constructor(private readonly journal: Journal) {}

  handle({ data }: EventOf<typeof OrderPlaced>): void {
    this.journal.lines.push(`mail for ${data.orderId}`)
  }
}

/** Its event is that of its parameter, as the compiler wrote it down. */
@Injectable()
export class Parcels {
  constructor(private readonly journal: Journal) {}

  @HandleEvent()
  onShipped(event: OrderShipped): void {
    this.journal.lines.push(`parcel for ${event.orderId}`)
  }
}
