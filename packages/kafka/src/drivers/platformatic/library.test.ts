import { expect, test } from 'vitest'
import { type Library, loadLibrary } from './library.js'

const library = {} as Library
const missing = (name: string): Error =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /app/library.js`), { code: 'ERR_MODULE_NOT_FOUND' })

test('a library that is missing is told with the command that installs it', async () => {
  await expect(loadLibrary(() => Promise.reject(missing('@platformatic/kafka')))).rejects.toThrow(
    'kafka.driver "platformatic" needs the package @platformatic/kafka, which is not installed. Install it: npm install @platformatic/kafka',
  )
})

test('one that lacks something itself is not told to be missing', async () => {
  await expect(loadLibrary(() => Promise.reject(missing('ajv')))).rejects.toThrow(/could not be loaded: Cannot find package 'ajv'/)
})

test.each(['20.20.2', '22.12.0', '22.21.9'])('Node %s is too old for it, which is said before it is loaded', async (version) => {
  const load = (): Promise<Library> => Promise.reject(new Error('It was loaded.'))
  await expect(loadLibrary(load, version)).rejects.toThrow(
    `needs Node 22.22 or later, and this is ${version}. Use it, or driver: "kafkajs".`,
  )
})

test.each(['22.22.0', '24.6.1', '26.0.0'])('Node %s is new enough', async (version) => {
  expect(await loadLibrary(() => Promise.resolve(library), version)).toBe(library)
})
