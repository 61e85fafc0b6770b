import { TableNames } from '../table-names.js'

/** What a snapshot store has in its schema. */
export class SnapshotNames extends TableNames {
  get snapshots(): string {
    return this.named('')
  }
}
