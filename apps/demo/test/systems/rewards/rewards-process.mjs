import { createRewardsBus, rewardsMetrics } from '../../../dist/systems/rewards/bus.js'
import { openDatabase } from '../../../dist/systems/rewards/database.js'
import { ActivityFeedService, subscribeActivityFeed } from '../../../dist/systems/rewards/subscribers/activity-feed.js'
import { subscribeAnalytics } from '../../../dist/systems/rewards/subscribers/analytics.js'
import { subscribeNotifications } from '../../../dist/systems/rewards/subscribers/notifications.js'
import { sendTraffic } from '../../../dist/systems/rewards/traffic.js'
import { LedgerService } from '../../../dist/systems/rewards/wallet/ledger-service.js'
import { WalletService } from '../../../dist/systems/rewards/wallet/wallet-service.js'

/** The wallets as a service of their own, with the clients that ask it. It may be killed at any time; its next run asks for the same again. */
const { place, broker, crowd, leaseMs } = JSON.parse(process.argv[2])
const tell = (report) => new Promise((resolve, reject) => process.send(report, (error) => (error === null ? resolve() : reject(error))))
process.on('disconnect', () => process.exit(0))

const database = await openDatabase(place, { leaseMs })
const bus = createRewardsBus(broker, database.outbox, rewardsMetrics())
await Promise.all([
  subscribeActivityFeed(bus, new ActivityFeedService(database.query)),
  subscribeNotifications(bus, { send: ({ variables }) => tell({ kind: 'notified', id: variables.transactionId }) }),
  subscribeAnalytics(bus, { track: ({ transactionId }) => tell({ kind: 'tracked', id: transactionId }) }),
])
await bus.start()
const { done } = await sendTraffic(new WalletService(new LedgerService(database)), crowd)
await tell({ kind: 'answered', ids: [...done] })
