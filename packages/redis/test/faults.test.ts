import { testBrokerFaults } from '@interline/testing'
import { faultyRedis } from './faulty-redis.js'

testBrokerFaults('redis', await faultyRedis())
