import { Repository, type RepositoryOptions } from '@interline/domain'
import { AIResult } from './aggregates/ai-result.js'
import { OracleSnapshot } from './aggregates/oracle-snapshot.js'
import { PriceFeed } from './aggregates/price-feed.js'

/** The aggregates of one store. */
export class Repositories {
  readonly results
  readonly oracle
  readonly feeds

  constructor(options: RepositoryOptions) {
    this.results = new Repository(AIResult, options)
    this.oracle = new Repository(OracleSnapshot, options)
    this.feeds = new Repository(PriceFeed, options)
  }
}
