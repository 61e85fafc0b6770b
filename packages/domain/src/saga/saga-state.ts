import { toError } from '@interline/core'
import type { SagaDefinition } from './define-saga.js'
import type { SagaBody } from './saga-body.js'

/** The stored state, brought to the definition's version. Throws where it can't be, or does not fit. */
export function loadState(definition: SagaDefinition, { version, state }: SagaBody): unknown {
  if (version > definition.version) {
    throw new Error(
      `It was written by version ${version} of the saga, and this process knows ${definition.version}. Deploy the newer one here, too.`,
    )
  }
  let current = state
  for (let from = version; from < definition.version; from++) {
    const upcast = definition.upcast[from]
    if (upcast === undefined)
      throw new Error(`It is of version ${version}, and nothing brings its state from ${from} to ${from + 1}: add upcast.${from}.`)
    try {
      current = upcast(current as never)
    } catch (thrown) {
      throw new Error(`upcast.${from} failed: ${toError(thrown).message}`, { cause: thrown })
    }
  }
  checkState(definition, current)
  return current
}

/** A copy of the state in the form of its schema, which must take what it gives. Throws where it does not fit; a schema that answers later can't be used for states. */
export function checkState({ schema, type }: Pick<SagaDefinition, 'schema' | 'type'>, state: unknown): unknown {
  if (schema === undefined) return structuredClone(state)
  const result = schema['~standard'].validate(structuredClone(state))
  if (result instanceof Promise)
    throw new Error(`The state's schema of saga "${type}" answers by a promise. Give one that answers at once.`)
  if (result.issues === undefined) return result.value
  const issues = result.issues.map(({ message, path }) =>
    [path?.map((at) => String(typeof at === 'object' ? at.key : at)).join('.'), message].filter(Boolean).join(': '),
  )
  throw new Error(`Its state does not fit the schema of saga "${type}": ${issues.join('; ')}`)
}
