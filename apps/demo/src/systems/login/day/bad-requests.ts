import { inspect } from 'node:util'
import type { LoginUseCaseWithEvents } from '../login-use-case.js'
import type { Person } from './cast.js'

/** Requests that can't be meant, each with a real password in it. Answers all that their errors say. */
export async function badRequests(logins: LoginUseCaseWithEvents, cast: readonly Person[]): Promise<readonly string[]> {
  const said: string[] = []
  for (const { email, password } of cast.slice(0, 3)) {
    for (const credentials of [
      { email: '', password },
      { email: password.repeat(30), password },
      { email, password: password.repeat(30) },
    ]) {
      const answer = logins.execute({ ...credentials, ipAddress: '10.1.0.1' }).then(
        () => 'was answered',
        (thrown: unknown) => inspect(thrown),
      )
      said.push(await answer)
    }
  }
  return said
}
