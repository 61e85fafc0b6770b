import { ConfigurationError, toError } from '@interline/core'

/** The client library, as it is when it was loaded. */
export type Library = typeof import('@platformatic/kafka')

const name = '@platformatic/kafka'
const leastNode = [22, 22] as const

/** Loads it. Throws ConfigurationError that says what to do where it is missing, or Node is too old for it. */
export async function loadLibrary(
  load: () => Promise<Library> = () => import('@platformatic/kafka'),
  nodeVersion: string = process.versions.node,
): Promise<Library> {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const [leastMajor, leastMinor] = leastNode
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    throw new ConfigurationError(
      `kafka.driver "platformatic" needs Node ${leastNode.join('.')} or later, and this is ${nodeVersion}. Use it, or driver: "kafkajs".`,
    )
  }
  try {
    return await load()
  } catch (thrown) {
    const error = toError(thrown) as Error & { readonly code?: string }
    const isMissing = error.code === 'ERR_MODULE_NOT_FOUND' && new RegExp(`['"]${name}['"]`).test(error.message)
    const what = isMissing ? `which is not installed. Install it: npm install ${name}` : `which could not be loaded: ${error.message}`
    throw new ConfigurationError(`kafka.driver "platformatic" needs the package ${name}, ${what}`, { cause: error })
  }
}
