import { SagaManager } from '@interline/domain'
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common'

/** Sagas run as long as the application: they stop before the bus that they publish on. */
@Injectable()
export class SagaLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #sagas: SagaManager

  constructor(@Inject(SagaManager) sagas: SagaManager) {
    this.#sagas = sagas
  }

  onApplicationBootstrap(): Promise<void> {
    return this.#sagas.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#sagas.close()
  }
}
