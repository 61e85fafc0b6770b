import { testBrokerFaults } from '@interline/testing'
import { faultyRedis } from './faulty-redis.js'

testBrokerFaults('redis', { ...(await faultyRedis()), scale: 'full' })
testBrokerFaults('redis, unordered', { ...(await faultyRedis({ order: 'none' })), scale: 'full' })
