import type { Awaitable, RetryOptions } from '@interline/core'
import { ConfigurationError } from '@interline/core'
import { type AnySagaStep, type SagaDefinition, type SagaStep, type StepOptions, step } from './define-saga.js'
import type { SagaContext } from './saga-context.js'

type StepWork = (context: SagaContext) => Awaitable<unknown>

/**
 * A saga as a class: `defineSteps` adds its steps in order. What a resumed one needs to know is in `data`, which is stored after every
 * step; the manager makes its instance anew, by the factory that it was registered with.
 */
export abstract class Saga<Data extends object = Record<string, unknown>> {
  readonly sagaId: string
  readonly sagaType: string
  data: Data
  /** How often a step that the machinery failed is run, and a compensation. */
  readonly retry?: RetryOptions | undefined
  #steps: SagaStep<Data>[] | undefined

  constructor(sagaId: string, sagaType: string, initialData: Data) {
    this.sagaId = sagaId
    this.sagaType = sagaType
    this.data = initialData
  }

  /** Calls `addStep` for each step. Called once, when the saga first runs. */
  protected abstract defineSteps(): void

  protected addStep(name: string, execute: StepWork, compensate?: StepWork, options?: StepOptions): void {
    if (this.#steps === undefined) throw new ConfigurationError(`Saga "${this.sagaType}": call addStep in defineSteps.`)
    if (this.#steps.some((each) => each.name === name)) {
      throw new ConfigurationError(`Saga "${this.sagaType}": two steps are named "${name}". A step's name is what is stored.`)
    }
    this.#steps.push(step<Data>(name, this.#work(execute), compensate && this.#work(compensate), options))
  }

  /** Its steps, over the data of the instance. */
  get steps(): readonly SagaStep<Data>[] {
    if (this.#steps === undefined) {
      this.#steps = []
      this.defineSteps()
    }
    return this.#steps
  }

  #work(work: StepWork): (data: Data, context: SagaContext) => Promise<Data> {
    return async (data, context) => {
      this.data = data
      await work.call(this, context)
      return this.data
    }
  }
}

/** A saga whatever its data. */
export interface AnySaga {
  readonly sagaId: string
  readonly sagaType: string
  readonly data: object
  readonly retry?: RetryOptions | undefined
  readonly steps: readonly AnySagaStep[]
}

/** One instance as the manager runs it. */
export function definitionOf(saga: AnySaga): SagaDefinition {
  const { steps } = saga
  const nothing = { schema: undefined, start: undefined, begin: undefined, correlate: undefined, isRetryable: undefined }
  return { ...nothing, type: saga.sagaType, version: 1, steps, on: [], timeouts: {}, upcast: {}, retry: saga.retry, missing: 'retry' }
}
