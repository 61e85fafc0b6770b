import { type CanActivate, type ExecutionContext, Inject } from '@nestjs/common'
import { endpointRequest, type FrameworkRequest } from './endpoint-request.js'
import type { EndpointsOptions } from './endpoints-options.js'
import { endpointAuthorize } from './endpoints-tokens.js'

type Authorize = NonNullable<EndpointsOptions['authorize']>

/** Denies whom nobody let in. */
export class EndpointGuard implements CanActivate {
  readonly #authorize: Authorize

  constructor(@Inject(endpointAuthorize) authorize: Authorize) {
    this.#authorize = authorize
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = endpointRequest(context.switchToHttp().getRequest<FrameworkRequest>())
    return (await this.#authorize(request)) === true
  }
}
