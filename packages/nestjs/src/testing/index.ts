export { type OverridableModule, overrideEventBus, type TestingBusOptions } from './override-event-bus.js'
