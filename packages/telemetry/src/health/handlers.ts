import type { IncomingMessage, ServerResponse } from 'node:http'
import { toError } from '@interline/core'
import type { HealthAnswer, HealthEndpoints, HealthRequest } from './health-endpoints.js'

/** For whatever speaks `fetch`: Hono, Bun, Deno, service workers. */
export function fetchHandler(endpoints: HealthEndpoints): (request: Request) => Promise<Response> {
  return async function health(request) {
    const { pathname } = new URL(request.url)
    const asked = { method: request.method, path: pathname, header: (name: string) => request.headers.get(name) ?? undefined }
    const { status, headers, body } = await answered(endpoints, asked)
    return new Response(body === '' ? null : body, { status, headers })
  }
}

/** For node:http, and for Express and Connect, where it hands on what is not its own. */
export function nodeHandler(endpoints: HealthEndpoints): (request: IncomingMessage, response: ServerResponse, next?: () => void) => void {
  return function health(request, response, next) {
    const { originalUrl } = request as { readonly originalUrl?: string }
    const [path = '/'] = (originalUrl ?? request.url ?? '/').split('?')
    if (next !== undefined && !endpoints.handles(path)) {
      next()
      return
    }
    const header = (name: string): string | undefined => {
      const value = request.headers[name.toLowerCase()]
      return Array.isArray(value) ? value.join(', ') : value
    }
    void answered(endpoints, { method: request.method ?? 'GET', path, header }).then(({ status, headers, body }) => {
      response.writeHead(status, headers)
      response.end(body)
    })
  }
}

/** Who asks always gets an answer. */
async function answered(endpoints: HealthEndpoints, request: HealthRequest): Promise<HealthAnswer> {
  try {
    return await endpoints.answer(request)
  } catch (thrown) {
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: `The health could not be told (${toError(thrown).name}).` }
  }
}
