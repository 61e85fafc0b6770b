export interface Credentials {
  readonly email: string
  readonly password: string
}

/** Says what is wrong with a request, and nothing that was in it. */
export class InvalidLoginRequestError extends Error {
  override readonly name = 'InvalidLoginRequestError'
}

const longestEmail = 254
/** Hashing takes as long as a password is. */
const longestPassword = 256

export function credentialsOf({ email, password }: Credentials): Credentials {
  if (typeof email !== 'string' || email.trim() === '' || email.length > longestEmail) {
    throw new InvalidLoginRequestError(`email must be text of 1 to ${longestEmail} characters. Ask for it again.`)
  }
  if (typeof password !== 'string' || password === '' || password.length > longestPassword) {
    throw new InvalidLoginRequestError(`password must be text of 1 to ${longestPassword} characters. Ask for it again.`)
  }
  return { email: email.trim().toLowerCase(), password }
}
