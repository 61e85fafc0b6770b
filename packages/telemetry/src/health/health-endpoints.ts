import { type Awaitable, type ComponentHealth, type HealthReport, type IClock, type IEventBus, systemClock } from '@interline/core'
import { ReportKeeper } from './report-keeper.js'

export interface HealthEndpointsOptions {
  /** Where they are mounted: `/health/live`, `/health/ready` and `/health` itself. Default `/health`. */
  readonly path?: string | undefined
  /** More that this program stands on, by `component:measurement`: pools, locks, sagas. */
  readonly checks?: Readonly<Record<string, () => Awaitable<ComponentHealth>>> | undefined
  /** How long one of these may take. Default 2 s. */
  readonly timeoutMs?: number | undefined
  /** An answer is given again for so long, whoever asks, so that questions are no load on the servers. Default 1 s. */
  readonly maxAgeMs?: number | undefined
  /** Who may see the detail, which names components and what is wrong with them. Default: everybody. */
  readonly authorize?: ((request: HealthRequest) => Awaitable<boolean>) | undefined
  readonly serviceId?: string | undefined
  readonly description?: string | undefined
  readonly clock?: IClock | undefined
}

/** What is known of a request, whichever server it came to. */
export interface HealthRequest {
  readonly method: string
  readonly path: string
  header(name: string): string | undefined
}

export interface HealthAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const defaults = { path: '/health', timeoutMs: 2_000, maxAgeMs: 1_000 } as const
const contentType = 'application/health+json'

/**
 * Liveness, readiness and detail of a bus, as `application/health+json`. Liveness asks nobody: a program is not to be restarted because a
 * broker is away. Readiness and detail are those of `bus.health()`: `warn` is well enough to serve, `fail` is 503.
 */
export class HealthEndpoints {
  readonly #options: HealthEndpointsOptions
  readonly #path: string
  readonly #reports: ReportKeeper

  constructor(bus: Pick<IEventBus, 'health'>, options: HealthEndpointsOptions = {}) {
    this.#options = options
    this.#path = (options.path ?? defaults.path).replace(/\/+$/, '')
    this.#reports = new ReportKeeper(bus, {
      checks: options.checks ?? {},
      timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
      maxAgeMs: options.maxAgeMs ?? defaults.maxAgeMs,
      clock: options.clock ?? systemClock,
    })
  }

  /** Whether this is one of the three. */
  handles(path: string): boolean {
    return path === this.#path || path === `${this.#path}/` || path === `${this.#path}/live` || path === `${this.#path}/ready`
  }

  async answer(request: HealthRequest): Promise<HealthAnswer> {
    const { method, path } = request
    if (!this.handles(path)) return { status: 404, headers: {}, body: '' }
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' }, body: '' }
    const given = await this.#given(request)
    return method === 'HEAD' ? { ...given, body: '' } : given
  }

  async report(): Promise<HealthReport> {
    return this.#reports.report()
  }

  async #given(request: HealthRequest): Promise<HealthAnswer> {
    if (request.path === `${this.#path}/live`) return answerOf('pass', {})
    if (request.path === `${this.#path}/ready`) return answerOf((await this.report()).status, {})
    if (!(await this.#mayLook(request))) return { status: 403, headers: {}, body: '' }
    const { status, checks } = await this.report()
    const { serviceId, description } = this.#options
    return answerOf(status, { serviceId, description, checks })
  }

  async #mayLook(request: HealthRequest): Promise<boolean> {
    const { authorize } = this.#options
    return authorize === undefined || (await authorize(request)) === true
  }
}

function answerOf(status: HealthReport['status'], detail: object): HealthAnswer {
  const headers = { 'content-type': contentType, 'cache-control': 'no-store' }
  return { status: status === 'fail' ? 503 : 200, headers, body: JSON.stringify({ status, ...detail }) }
}
