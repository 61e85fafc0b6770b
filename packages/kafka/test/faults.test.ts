import { testBrokerFaults } from '@interline/testing'
import { faultyKafka } from './faulty-kafka.js'

testBrokerFaults('kafka', await faultyKafka())
