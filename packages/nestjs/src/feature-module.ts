import { type DynamicModule, Module } from '@nestjs/common'
import { ConfigurationError } from 'interline'
import { getEventBusToken } from './tokens.js'

/** Found in a module's imports, it says which bus the handlers of that module belong to. */
export class Feature {
  readonly bus: string | undefined

  constructor(bus: string | undefined) {
    this.bus = bus
  }
}

@Module({})
export class FeatureModule {}

const features = new Map<string | undefined, DynamicModule>()

/** One object for each name: Nest takes dynamic modules for the same where they are the same object. */
export function featureModule(name: string | undefined): DynamicModule {
  const known = features.get(name)
  if (known !== undefined) return known
  const provider = { provide: Feature, useFactory: featureOf(name), inject: [{ token: getEventBusToken(name), optional: true }] }
  const made = { module: FeatureModule, providers: [provider] }
  features.set(name, made)
  return made
}

function featureOf(name: string | undefined): (bus: object | undefined) => Feature {
  const argument = name === undefined ? '' : `'${name}'`
  return (bus) => {
    if (bus !== undefined) return new Feature(name)
    throw new ConfigurationError(
      `forFeature(${argument}) names a bus that no module makes. Import InterlineModule.forRoot({ ${name === undefined ? '' : `name: ${argument}, `}… }).`,
    )
  }
}
