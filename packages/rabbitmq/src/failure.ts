import { ConfigurationError, ConnectionError, PublishError, toError } from '@interline/core'
import type { Address } from './rabbitmq-options.js'

/** What became of an attempt to connect, for a person. Never holds the password. */
export function connectionFailure(address: Address, thrown: unknown): ConnectionError {
  const cause = toError(thrown)
  const { hostname, port, username, vhost } = address
  const where = `RabbitMQ at ${hostname}:${port}`
  const { message } = cause
  if (/ACCESS.REFUSED|\b403\b/i.test(message)) {
    return new ConnectionError(
      `${where} refused user "${username}", or its password, for the vhost "${vhost}". Check them, and the user's permissions.`,
      { cause },
    )
  }
  // amqplib does not tell why the server closed instead of opening the vhost
  if (/NOT.ALLOWED|\b530\b|vhost|ConnectionOpenOk/i.test(message)) {
    return new ConnectionError(`${where} has no vhost "${vhost}", or user "${username}" may not use it. Create it, or give another.`, {
      cause,
    })
  }
  return new ConnectionError(`${where} can't be reached: ${codeOf(cause) ?? message}. Check its address and that it runs.`, { cause })
}

/** Why a connection ended that was there. */
export function connectionLost({ hostname, port }: Address, cause: Error): ConnectionError {
  const why = codeOf(cause) ?? cause.message.replace(/^Connection closed: /, '')
  return new ConnectionError(`The connection to RabbitMQ at ${hostname}:${port} ended: ${why}.`, { cause })
}

/** What a declaration was refused for. */
export function declarationFailure(what: string, thrown: unknown): Error {
  const cause = toError(thrown)
  const { message } = cause
  if (/PRECONDITION.FAILED/.test(message)) {
    const reason = /inequivalent arg[^,"]*.*?(?=\s*"?$)/.exec(message)?.[0] ?? message
    return new ConfigurationError(
      `RabbitMQ has the ${what} with other properties than asked for (${reason}). Keep the options it was made with (partitions, order), or remove it when it is drained.`,
      { cause },
    )
  }
  if (/NOT.FOUND/.test(message)) {
    return new ConfigurationError(`RabbitMQ has no ${what}. Create it, or set provision: true.`, { cause })
  }
  if (/ACCESS.REFUSED/.test(message)) {
    return new ConfigurationError(
      `RabbitMQ does not let this user declare or use the ${what}. Give it the permission, or create it and set provision: false.`,
      { cause },
    )
  }
  return new ConnectionError(`RabbitMQ could not be asked for the ${what}: ${message}`, { cause })
}

/** Whether the server has no such thing; also where that was the cause of an error of ours. */
export function isNotFound(thrown: unknown): boolean {
  const { message, cause } = toError(thrown)
  return /NOT.FOUND/.test(message) || (cause !== undefined && isNotFound(cause))
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/** The exchange that the server closed a channel for: it is not there, or this user may not write to it. */
export function refusedExchange({ message }: Error): string | undefined {
  return /exchange '([^']*)' in vhost/.exec(message)?.[1]
}

/** Why the server closed a channel, where a message itself was to blame: sent again, it would only close the next. */
export function refusalOf(failure: Error | undefined, { exchange, bytes }: { exchange: string; bytes: number }): PublishError | undefined {
  if (failure === undefined) return undefined
  const most = Number(/larger than (?:configured )?max size (\d+)/.exec(failure.message)?.[1] ?? Number.POSITIVE_INFINITY)
  if (bytes > most) {
    return new PublishError(
      `RabbitMQ takes no message of more than ${most} bytes, and this one has ${bytes}. Make it smaller, or raise its max_message_size.`,
      { cause: failure, outcome: 'failed' },
    )
  }
  if (refusedExchange(failure) !== exchange || isNotFound(failure)) return undefined
  return new PublishError(`RabbitMQ refused to publish to the exchange "${exchange}": ${failure.message}`, {
    cause: failure,
    outcome: 'failed',
  })
}
