import type { BrokerConfig, IBroker } from 'interline'

/** What carries events: named by data where it is a server, and shared as an instance where it is in this process. */
export type Carrier = BrokerConfig | IBroker
