/** Somebody else changed it between the look and the change. Looking again helps. */
export class OptimisticLockError extends Error {
  override readonly name = 'OptimisticLockError'

  constructor(
    readonly what: string,
    readonly id: string,
  ) {
    super(`The ${what} "${id}" was changed by another operation at the same time. Try again.`)
  }
}

/** What was asked for can't be done as things stand; nothing was changed. */
export class RefusedError extends Error {
  override readonly name: string = 'RefusedError'
}

export class InsufficientFundsError extends RefusedError {
  override readonly name = 'InsufficientFundsError'

  constructor(userId: string, asked: number, available: number) {
    super(`Wallet "${userId}" has ${available} available, and ${asked} were to be held. Hold less, or top it up first.`)
  }
}
