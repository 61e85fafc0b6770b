import { InterlineError } from '@interline/core'

/** Nobody handles this type: not in this process, and, where requests go over a broker, nobody answered that it is known there. */
export class NoHandlerError extends InterlineError {
  override readonly code = 'INTERLINE_NO_HANDLER'
}

/** No answer in time. Whether the handler ran is not known, unless it runs in this process. */
export class RequestTimeoutError extends InterlineError {
  override readonly code = 'INTERLINE_REQUEST_TIMEOUT'
  override readonly retryable: boolean = true
}

/** The handler in another process failed. */
export class RemoteHandlerError extends InterlineError {
  override readonly code = 'INTERLINE_REMOTE_HANDLER'
  /** The name of the error over there. */
  readonly remoteName: string
  /** Its code, where it had one. */
  readonly remoteCode: string | undefined

  constructor(message: string, remoteName: string, remoteCode: string | undefined) {
    super(message)
    this.remoteName = remoteName
    this.remoteCode = remoteCode
  }
}
