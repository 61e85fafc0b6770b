import { Lockout } from './lockout.js'
import type { Profile } from './profile.js'

export interface Account {
  readonly userId: string
  readonly email: string
  readonly passwordHash: string
  readonly profile: Profile
}

/** Who there is, and how often each was guessed at. */
export interface AuthRepository {
  findByEmail(email: string): Promise<Account | undefined>
  findById(userId: string): Promise<Account | undefined>
  /** Also of an account that does not exist: being locked must not tell who has one. */
  lockoutOf(userId: string): Promise<Lockout>
}

export class InMemoryAuthRepository implements AuthRepository {
  readonly #byEmail = new Map<string, Account>()
  readonly #byId = new Map<string, Account>()
  readonly #lockouts = new Map<string, Lockout>()

  add(account: Account): void {
    this.#byEmail.set(account.email, account)
    this.#byId.set(account.userId, account)
  }

  async findByEmail(email: string): Promise<Account | undefined> {
    return this.#byEmail.get(email)
  }

  async findById(userId: string): Promise<Account | undefined> {
    return this.#byId.get(userId)
  }

  async lockoutOf(userId: string): Promise<Lockout> {
    const lockout = this.#lockouts.get(userId) ?? new Lockout()
    this.#lockouts.set(userId, lockout)
    return lockout
  }
}
