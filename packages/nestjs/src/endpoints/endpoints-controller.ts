import { HealthEndpoints, type MetricSource, prometheusText, prometheusTextType } from '@interline/telemetry'
import { Controller, Get, Inject, NotFoundException, Query, Res, type Type, UseGuards } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { IEventBus } from 'interline'
import { type DeadLetterQuery, deadLetterPage } from './dead-letter-page.js'
import { EndpointGuard } from './endpoint-guard.js'
import { endpointBus, endpointMetrics } from './endpoints-tokens.js'

/** Who asks gets the answer as it is: interceptors that wrap what handlers return would make it unreadable for machines. */
class EndpointsController {
  readonly #bus: IEventBus
  readonly #health: HealthEndpoints
  readonly #metrics: readonly MetricSource[]
  readonly #server: HttpAdapterHost

  constructor(
    @Inject(endpointBus) bus: IEventBus,
    @Inject(HealthEndpoints) health: HealthEndpoints,
    @Inject(endpointMetrics) metrics: readonly MetricSource[],
    @Inject(HttpAdapterHost) server: HttpAdapterHost,
  ) {
    this.#bus = bus
    this.#health = health
    this.#metrics = metrics
    this.#server = server
  }

  @Get('health')
  @UseGuards(EndpointGuard)
  health(@Res() response: object): Promise<void> {
    return this.#tellHealth('/health', response)
  }

  /** Says no more than that the process lives: for whoever restarts it, and may well be elsewhere. */
  @Get('health/live')
  live(@Res() response: object): Promise<void> {
    return this.#tellHealth('/health/live', response)
  }

  @Get('health/ready')
  ready(@Res() response: object): Promise<void> {
    return this.#tellHealth('/health/ready', response)
  }

  @Get('metrics')
  @UseGuards(EndpointGuard)
  metrics(@Res() response: object): void {
    if (this.#metrics.length === 0) throw new NotFoundException('Nothing is counted: the metrics of this bus are off.')
    this.#answer(response, 200, { 'content-type': prometheusTextType }, prometheusText(...this.#metrics))
  }

  @Get('dead-letter')
  @UseGuards(EndpointGuard)
  async deadLetters(@Query() query: DeadLetterQuery, @Res() response: object): Promise<void> {
    const page = await deadLetterPage(this.#bus.deadLetters, query)
    this.#answer(response, 200, { 'content-type': 'application/json', 'cache-control': 'no-store' }, JSON.stringify(page))
  }

  async #tellHealth(path: string, response: object): Promise<void> {
    const { status, headers, body } = await this.#health.answer({ method: 'GET', path, header: () => undefined })
    this.#answer(response, status, headers, body)
  }

  #answer(response: object, status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const { httpAdapter } = this.#server
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value)
    httpAdapter.reply(response, body, status)
  }
}

/** One for each place that endpoints are mounted at. */
export function endpointsController(path: string): Type<object> {
  const Mounted = class EventEndpointsController extends EndpointsController {}
  Controller(path)(Mounted)
  return Mounted
}
