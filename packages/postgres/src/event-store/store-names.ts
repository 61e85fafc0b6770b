import { TableNames } from '../table-names.js'

/** How much time one partition holds. */
export type PartitionSpan = 'month' | 'week' | 'day'

/** What an event store has in its schema. */
export class StoreNames extends TableNames {
  /** Whether, and how, the table of events is divided when it is made. */
  readonly partition: PartitionSpan | undefined

  constructor(schema: string, table: string, partition?: PartitionSpan) {
    super(schema, table)
    this.partition = partition
  }

  /** The function that makes partitions. */
  get makePartition(): string {
    return this.named('_make_partition')
  }

  /** What has no partition of its own. */
  get others(): string {
    return this.named('_others')
  }

  get events(): string {
    return this.named('')
  }

  get streams(): string {
    return this.named('_streams')
  }

  get checkpoints(): string {
    return this.named('_checkpoints')
  }

  get leases(): string {
    return this.named('_leases')
  }

  /** The sequence of positions. */
  get position(): string {
    return this.named('_position')
  }

  /** Events that were moved out of the way. */
  get archive(): string {
    return this.named('_archive')
  }

  /** One row: up to which position everything is in the archive. */
  get archived(): string {
    return this.named('_archived')
  }

  /** Files of archived events. */
  get segments(): string {
    return this.named('_segments')
  }

  /** Which streams a file has events of. */
  get segmentStreams(): string {
    return this.named('_segment_streams')
  }

  get append(): string {
    return this.named('_append')
  }

  get deleteStream(): string {
    return this.named('_delete_stream')
  }

  get bound(): string {
    return this.named('_bound')
  }
}
