import { ConfigurationError } from '../errors.js'
import type { EventModel } from './event-model.js'

/** What two definitions of one type and version must have in common to be the same, such as one module loaded twice. */
export type Fingerprint = string

interface Known {
  readonly model: EventModel
  readonly fingerprint: Fingerprint
}

interface State {
  /** By type, then by version. */
  readonly byType: Map<string, Map<number, Known>>
  readonly byClass: WeakMap<object, EventModel>
}

const place = Symbol.for('interline.events')

/** One for the process, also where two copies of this package are installed. */
const state: State = ((globalThis as { [place]?: State })[place] ??= { byType: new Map(), byClass: new WeakMap() })

/** Counts up whenever a model changes, so that whoever remembers one knows when to ask again. */
let generation = 0

export function registryGeneration(): number {
  return generation
}

/**
 * Makes a model known by its type. The same definition again takes the place of the first, as on a hot reload; a different one of the
 * same type and version throws ConfigurationError.
 */
export function register(model: EventModel, fingerprint: Fingerprint): void {
  let versions = state.byType.get(model.type)
  if (versions === undefined) state.byType.set(model.type, (versions = new Map()))
  const known = versions.get(model.version)
  if (known !== undefined && known.fingerprint !== fingerprint) {
    throw new ConfigurationError(
      `Event "${model.type}" version ${model.version} is defined twice, differently: ${known.fingerprint} and ${fingerprint}. Share one definition, or raise the version.`,
    )
  }
  versions.set(model.version, { model, fingerprint })
  generation++
}

/** The newest definition of a type. */
export function modelByType(type: string): EventModel | undefined {
  const versions = state.byType.get(type)
  if (versions === undefined) return undefined
  let newest: EventModel | undefined
  for (const { model } of versions.values()) {
    if (newest === undefined || model.version > newest.version) newest = model
  }
  return newest
}

export function registeredTypes(): readonly string[] {
  return [...state.byType.keys()]
}

export function modelOfKnownClass(target: object): EventModel | undefined {
  return state.byClass.get(target)
}

export function rememberClass(target: object, model: EventModel): void {
  state.byClass.set(target, model)
}

/** Forgets every type, for tests that define the same ones again. Definitions and classes in hand still work. */
export function clearEventRegistry(): void {
  state.byType.clear()
  generation++
}
