import type { DiscoveryService } from '@nestjs/core'
import { ConfigurationError, isDecoratedHandler } from 'interline'
import { Feature } from './feature-module.js'
import { getEventBusToken } from './tokens.js'

type Found = ReturnType<DiscoveryService['getProviders']>[number]

interface Handler {
  readonly instance: object
  readonly found: Found
}

/**
 * The providers and controllers whose decorators handle events of this bus: those of modules that name it by `forFeature`, and for the
 * default bus those of modules that name none. Throws ConfigurationError where one of the application can't be subscribed once.
 */
export function decoratedProviders(discovery: DiscoveryService, bus: string | undefined): readonly object[] {
  const all = [...discovery.getProviders(), ...discovery.getControllers()]
  checkOneBus(all, bus)
  const handlers = handlersAmong(all)
  checkHasBus(all, handlers)
  const own = handlers.filter(({ found }) => busesOf(found).includes(bus))
  checkOnce(own)
  return own.map(({ instance }) => instance)
}

/** Each instance once, by however many tokens it is found. */
function handlersAmong(all: readonly Found[]): readonly Handler[] {
  const handlers = new Map<object, Handler>()
  for (const found of all) {
    const instance: unknown = found.instance
    if (typeof instance !== 'object' || instance === null || !isDecoratedHandler(instance)) continue
    checkSingleton(found)
    if (!handlers.has(instance)) handlers.set(instance, { instance, found })
  }
  return [...handlers.values()]
}

function busesOf({ host }: Found): readonly (string | undefined)[] {
  const features = [...(host?.imports ?? [])].flatMap((module) => {
    const feature: unknown = module.providers.get(Feature)?.instance
    return feature instanceof Feature ? [feature.bus] : []
  })
  return features.length === 0 ? [undefined] : features
}

function checkSingleton(found: Found): void {
  if (found.isDependencyTreeStatic() && !found.isTransient) return
  throw new ConfigurationError(
    `${placeOf(found)} handles events and is no singleton: its scope, or that of something it injects, is request or transient, and an event has no request. Make it a singleton, and resolve what belongs to a request by ModuleRef.`,
  )
}

function checkOneBus(all: readonly Found[], bus: string | undefined): void {
  if (all.filter(({ token }) => token === getEventBusToken(bus)).length <= 1) return
  const which = bus === undefined ? 'are the default one' : `are called "${bus}"`
  throw new ConfigurationError(
    `Two buses ${which}. Import InterlineModule.forRoot once, or give each bus a name of its own: { name: 'audit' }.`,
  )
}

function checkHasBus(all: readonly Found[], handlers: readonly Handler[]): void {
  if (all.some(({ token }) => token === getEventBusToken())) return
  const astray = handlers.find(({ found }) => busesOf(found).includes(undefined))
  if (astray === undefined) return
  throw new ConfigurationError(
    `${placeOf(astray.found)} handles events, and there is no default bus. Import InterlineModule.forRoot without a name, or InterlineModule.forFeature(name) in its module.`,
  )
}

function checkOnce(handlers: readonly Handler[]): void {
  const classes = new Map<unknown, Found>()
  for (const { instance, found } of handlers) {
    const other = classes.get(instance.constructor)
    classes.set(instance.constructor, found)
    if (other === undefined) continue
    throw new ConfigurationError(
      `${placeOf(other)} and ${placeOf(found)} are two instances of one handler, which would handle each event twice. Provide it in one module, and export it from there.`,
    )
  }
}

function placeOf({ name, host }: Found): string {
  return host === undefined ? String(name) : `${String(name)} of ${host.metatype.name}`
}
