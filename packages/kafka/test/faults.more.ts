import { testBrokerFaults } from '@interline/testing'
import { faultyKafka } from './faulty-kafka.js'

testBrokerFaults('kafka by platformatic', await faultyKafka({ driver: 'platformatic' }))
