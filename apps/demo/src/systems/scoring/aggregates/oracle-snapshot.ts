import { defineAggregate } from '@interline/domain'
import { OracleSnapshotRecorded, OracleSnapshotReleased } from '../events.js'

export interface Recording {
  readonly symbol: string
  readonly month: string
  readonly feedVersion: number
  readonly closes: readonly number[]
}

export type OracleSnapshotState =
  | { readonly status: 'none' }
  | ({ readonly status: 'recorded' } & Recording)
  | { readonly status: 'released'; readonly reason: string }

type OracleSnapshotCommand = { readonly record: Recording } | { readonly release: { readonly reason: string } }

/** What one scoring was computed from, under the id of its result. */
export const OracleSnapshot = defineAggregate('oracle-snapshot', {
  events: [OracleSnapshotRecorded, OracleSnapshotReleased],
  initial: { status: 'none' } as OracleSnapshotState,
  evolve: (_state, { type, data }): OracleSnapshotState =>
    type === 'OracleSnapshotRecorded' ? { status: 'recorded', ...data } : { status: 'released', ...data },
  decide: (command: OracleSnapshotCommand, { status }) => {
    if ('record' in command) {
      const { record } = command
      return status === 'none' ? OracleSnapshotRecorded({ ...record, closes: [...record.closes] }) : undefined
    }
    return status === 'recorded' ? OracleSnapshotReleased(command.release) : undefined
  },
})
