import { BlockList, isIP } from 'node:net'
import type { EndpointRequest } from './endpoint-request.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** What a proxy adds: the connection is then its own, and who stands behind it is elsewhere. */
const signsOfAProxy = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'] as const

/**
 * Whether somebody on this machine asks: over a loopback connection, for a loopback host (which a page in a browser that was led here by
 * a name of its own does not do), and by no proxy that shows itself.
 */
export function isLocalCaller(request: EndpointRequest): boolean {
  return (
    isLoopback(request.remoteAddress) &&
    isLoopbackHost(request.header('host')) &&
    signsOfAProxy.every((name) => request.header(name) === undefined)
  )
}

function isLoopback(address: string | undefined): boolean {
  const family = address === undefined ? 0 : isIP(address)
  // the list knows an IPv4 address in IPv6 clothes
  return family !== 0 && loopback.check(address as string, family === 4 ? 'ipv4' : 'ipv6')
}

function isLoopbackHost(host: string | undefined): boolean {
  const name = host
    ?.toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || isLoopback(name)
}
