import { InterlineError } from '@interline/core'

/** Nothing was ever stored of an aggregate, or it was deleted. */
export class AggregateNotFoundError extends InterlineError {
  override readonly code = 'INTERLINE_AGGREGATE_NOT_FOUND'
  readonly aggregateType: string
  readonly id: string

  constructor(aggregateType: string, id: string) {
    super(`There is no ${aggregateType} "${id}". Make it by update() or create(), or ask with find(), which gives undefined.`)
    this.aggregateType = aggregateType
    this.id = id
  }
}

/** Events are missing without which the state would be wrong. */
export class IncompleteStreamError extends InterlineError {
  override readonly code = 'INTERLINE_INCOMPLETE_STREAM'
  readonly stream: string

  constructor(stream: string, expected: number, found: number) {
    const advice =
      expected === 1
        ? `They were removed by retention, or the stream was deleted and went on. Where that is meant, set incomplete: 'accept'.`
        : 'Restore them from a backup, or delete the stream.'
    super(`Stream "${stream}" has no versions ${expected} to ${found - 1}, so its state can't be made of it. ${advice}`)
    this.stream = stream
  }
}
