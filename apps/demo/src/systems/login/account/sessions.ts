import { createHash, randomBytes } from 'node:crypto'

export interface Session {
  readonly userId: string
  /** Of the login that opened it. */
  readonly correlationId: string
}

/** Open sessions, by a digest of their tokens: who reads them can't use them. */
export class Sessions {
  readonly #open = new Map<string, Session>()

  /** Answers the token, which nobody else is told. */
  open(session: Session): string {
    const token = randomBytes(32).toString('base64url')
    this.#open.set(digestOf(token), session)
    return token
  }

  find(token: string): Session | undefined {
    return this.#open.get(digestOf(token))
  }

  end(token: string): void {
    this.#open.delete(digestOf(token))
  }

  endAllOf(userId: string): void {
    for (const [digest, session] of this.#open) if (session.userId === userId) this.#open.delete(digest)
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
