import { Injectable } from '@nestjs/common'
import { EventHandler, type EventOf } from 'interline'
import type { AIResultState } from '../aggregates/ai-result.js'
import { AIResultCompleted, AIResultCreated, AIResultFailed } from '../events.js'

const shown = [AIResultCreated, AIResultCompleted, AIResultFailed] as const
const statuses = { AIResultCreated: 'created', AIResultCompleted: 'completed', AIResultFailed: 'failed' } as const

export interface Line {
  readonly status: AIResultState['status']
  readonly risk: number | undefined
}

/** The read model: where each result stands. */
@Injectable()
@EventHandler(shown, { name: 'result-board' })
export class ResultBoard {
  readonly lines = new Map<string, Line>()

  handle({ type, data, metadata }: EventOf<typeof shown>): void {
    this.lines.set(metadata.aggregateId ?? '', { status: statuses[type], risk: 'risk' in data ? data.risk : undefined })
  }
}
