import { toError } from '../errors.js'
import type { Instrumentation, Watch } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'

const tellings = [
  'started',
  'closing',
  'published',
  'publishFailed',
  'delivered',
  'handled',
  'retried',
  'settled',
  'deadLettered',
  'parked',
  'duplicate',
  'noSubscriber',
  'lost',
  'broker',
] as const satisfies readonly (keyof Instrumentation)[]
const watchings = ['sending', 'handling'] as const satisfies readonly (keyof Instrumentation)[]

type Failed = (hook: string, thrown: unknown) => void

/** One instrumentation that tells all of them. A hook that nobody has stays unset, so that it costs nothing; one that throws harms nobody. */
export function combineHooks(instrumentations: readonly Instrumentation[], logger: ILogger): Instrumentation {
  const combined: Record<string, unknown> = {}
  const failed: Failed = (hook, thrown) => logger.warn(`The instrumentation hook "${hook}" failed.`, { error: toError(thrown) })
  for (const name of tellings) {
    const interested = instrumentations.filter((each) => each[name] !== undefined)
    const [only] = interested
    if (interested.length === 1 && only !== undefined) combined[name] = (event: never) => tellOne(only, name, event, failed)
    else if (interested.length > 0) combined[name] = (event: never) => tell(interested, name, event, failed)
  }
  for (const name of watchings) {
    const interested = instrumentations.filter((each) => each[name] !== undefined)
    if (interested.length > 0) combined[name] = (event: never) => watch(interested, name, event, failed)
  }
  for (const each of instrumentations) {
    if (each.quietly === undefined) continue
    const quiet = { enter: <T>(run: () => T): T => (each as Required<Instrumentation>).quietly(run) }
    const outer = combined.quietly as Instrumentation['quietly']
    const quietly = <T>(run: () => T): T => entered(quiet, run, 'quietly', failed)
    combined.quietly = outer === undefined ? quietly : <T>(run: () => T): T => outer(() => quietly(run))
  }
  return combined as Instrumentation
}

function tell(interested: readonly Instrumentation[], name: (typeof tellings)[number], event: never, failed: Failed): void {
  for (const each of interested) tellOne(each, name, event, failed)
}

function tellOne(instrumentation: Instrumentation, name: (typeof tellings)[number], event: never, failed: Failed): void {
  try {
    instrumentation[name]?.(event)
  } catch (thrown) {
    failed(name, thrown)
  }
}

function watch(
  interested: readonly Instrumentation[],
  name: (typeof watchings)[number],
  event: never,
  failed: Failed,
): Watch<never> | undefined {
  let watch: SafeWatch | undefined
  for (let index = interested.length - 1; index >= 0; index--) {
    try {
      const own = interested[index]?.[name]?.(event)
      if (own !== undefined) watch = new SafeWatch(own as Watch<never>, watch, name, failed)
    } catch (thrown) {
      failed(name, thrown)
    }
  }
  return watch
}

/** What an instrumentation answered, and the next one's answer to the same event. */
class SafeWatch implements Watch<never> {
  readonly #own: Watch<never>
  readonly #next: SafeWatch | undefined
  readonly #name: string
  readonly #failed: Failed

  constructor(own: Watch<never>, next: SafeWatch | undefined, name: string, failed: Failed) {
    this.#own = own
    this.#next = next
    this.#name = name
    this.#failed = failed
  }

  /** The first that there is. */
  get trace(): Watch<never>['trace'] {
    return this.#own.trace ?? this.#next?.trace
  }

  enter<T>(run: () => T): T {
    const next = this.#next
    const inner = next === undefined ? run : (): T => next.enter(run)
    return this.#own.enter === undefined ? inner() : entered(this.#own as Required<Watch<never>>, inner, this.#name, this.#failed)
  }

  ended(outcome: never): void {
    try {
      this.#own.ended(outcome)
    } catch (thrown) {
      this.#failed(this.#name, thrown)
    }
    this.#next?.ended(outcome)
  }
}

/** Runs it inside, exactly once whatever happens there, and answers what it answers. */
function entered<T>(watch: { enter<R>(run: () => R): R }, run: () => T, name: string, failed: Failed): T {
  let outcome: 'none' | 'value' | 'thrown' = 'none'
  let value: unknown
  const once = (): T => {
    if (outcome === 'none') {
      try {
        outcome = 'value'
        value = run()
      } catch (thrown) {
        outcome = 'thrown'
        value = thrown
      }
    }
    return value as T
  }
  try {
    watch.enter(once)
  } catch (thrown) {
    failed(name, thrown)
  }
  once()
  if ((outcome as string) === 'thrown') throw value
  return value as T
}
