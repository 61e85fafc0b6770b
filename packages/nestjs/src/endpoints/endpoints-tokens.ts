/** What a module of endpoints hands to its controller and guard: which bus, whose figures, who may look. */
export const endpointBus: unique symbol = Symbol('the bus of the endpoints')
export const endpointMetrics: unique symbol = Symbol('the metrics of the endpoints')
export const endpointAuthorize: unique symbol = Symbol('who may see the endpoints')
