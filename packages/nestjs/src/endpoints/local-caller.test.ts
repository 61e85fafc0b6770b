import { expect, it } from 'vitest'
import { endpointRequest } from './endpoint-request.js'
import { isLocalCaller } from './local-caller.js'

const asked = (remoteAddress: string | undefined, headers: Record<string, string> = { host: 'localhost:3000' }) =>
  isLocalCaller(endpointRequest({ method: 'GET', url: '/api/events/health', headers, socket: { remoteAddress } }))

it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])('a connection from %s is local', (address) => {
  expect(asked(address)).toBe(true)
})

it.each(['10.0.0.1', '192.168.1.2', '::ffff:10.0.0.1', 'fe80::1', '2001:db8::1', 'localhost', '', undefined])(
  'a connection from %s is not',
  (address) => {
    expect(asked(address)).toBe(false)
  },
)

it.each(['localhost', 'localhost:3000', '127.0.0.1:80', '[::1]:3000', '[::1]', 'LOCALHOST:3000'])('the host %s is local', (host) => {
  expect(asked('127.0.0.1', { host })).toBe(true)
})

it.each(['events.example', 'localhost.example:3000', '10.0.0.1', '[2001:db8::1]:80', ''])('the host %s is not', (host) => {
  expect(asked('127.0.0.1', { host })).toBe(false)
})

it.each([
  ['x-forwarded-for', '127.0.0.1'],
  ['x-forwarded-host', 'localhost'],
  ['x-forwarded-proto', 'https'],
  ['x-real-ip', '127.0.0.1'],
  ['forwarded', 'for=127.0.0.1'],
  ['via', '1.1 edge'],
])('who comes by a proxy is not local, whatever %s says', (name, value) => {
  expect(asked('127.0.0.1', { host: 'localhost', [name]: value })).toBe(false)
  expect(asked('10.0.0.1', { host: 'localhost', [name]: value })).toBe(false)
})
