import { testBrokerFaults } from '@interline/testing'
import { faultyRabbitMq } from './faulty-rabbitmq.js'

testBrokerFaults('rabbitmq', { ...(await faultyRabbitMq()), scale: 'full' })
testBrokerFaults('rabbitmq, unordered', { ...(await faultyRabbitMq({ order: 'none' })), scale: 'full' })
