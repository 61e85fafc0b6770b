/** How urgent an event is. Routing and, where the broker has it, delivery go by it. */
export const EventPriority = { CRITICAL: 'critical', HIGH: 'high', NORMAL: 'normal', LOW: 'low' } as const
export type EventPriority = (typeof EventPriority)[keyof typeof EventPriority]

const ranks: Readonly<Record<EventPriority, number>> = { critical: 0, high: 1, normal: 2, low: 3 }

/** 0 for critical to 3 for low. */
export function priorityRank(priority: EventPriority): number {
  return ranks[priority]
}
