import { testBrokerFaults } from '@interline/testing'
import { faultyNats } from './faulty-nats.js'

testBrokerFaults('nats', { ...(await faultyNats()), scale: 'full' })
