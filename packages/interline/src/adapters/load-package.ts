import { ConfigurationError, toError } from '@interline/core'

/** Imports an adapter's package. Rejects with ConfigurationError, which says what to install where it is missing. */
export async function loadPackage<Package extends object>(name: string, what: string, load: () => Promise<Package>): Promise<Package> {
  try {
    return await load()
  } catch (thrown) {
    const error = toError(thrown)
    if (isMissing(error, name)) {
      throw new ConfigurationError(`The ${what} needs the package ${name}, which is not installed. Install it: npm install ${name}`, {
        cause: error,
      })
    }
    throw new ConfigurationError(`The ${what} needs the package ${name}, which could not be loaded: ${error.message}`, { cause: error })
  }
}

/** Whether it is the package itself that is missing, and not something that it imports. */
function isMissing(error: Error & { readonly code?: string }, name: string): boolean {
  return error.code === 'ERR_MODULE_NOT_FOUND' && new RegExp(`(package|module|url) ['"]?${name}['"]?(?![\\w/-])`).test(error.message)
}
