import { testBrokerFaults } from '@interline/testing'
import { faultyRabbitMq } from './faulty-rabbitmq.js'

testBrokerFaults('rabbitmq', await faultyRabbitMq())
