import { findServer } from '@interline/testing'

/** One Kafka for all test files of a run; stopped at its end where it was started for it. */
export async function setup(): Promise<() => Promise<void>> {
  const { close } = await findServer('kafka')
  return async () => close?.()
}
