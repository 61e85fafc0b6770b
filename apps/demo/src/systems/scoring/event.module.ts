import { EventReplayService, SagaManager, SnapshotService } from '@interline/domain'
import { EventEndpointsModule, IEventBus, InterlineModule } from '@interline/nestjs'
import { type DynamicModule, Module } from '@nestjs/common'
import { MemoryKeyStore } from 'interline'
import type { BrokerChoice } from '../../places/choices.js'
import { AccessDesk } from './access-desk.js'
import { AIScoringSaga, type ScoringData } from './ai-scoring-saga.js'
import { AddressBook, AnalystAlerts } from './handlers/analyst-alerts.js'
import { AuditTrail } from './handlers/audit-trail.js'
import { ResultBoard } from './handlers/result-board.js'
import type { Stores } from './places/stores.js'
import { Repositories } from './repositories.js'
import { SagaLifecycle } from './saga-lifecycle.js'
import type { Settings } from './settings.js'

export interface Place {
  readonly broker: BrokerChoice
  readonly stores: Stores
  readonly settings: Settings
  readonly addressBook: AddressBook
}

@Module({})
export class EventModule {}

/** The application, at a place. */
export function eventModule({ broker, stores, settings, addressBook }: Place): DynamicModule {
  const { metrics } = settings.bus
  const gauges = { 'interline.sagas.active': () => activeSagas(stores) }
  const bus = InterlineModule.forRoot({
    ...settings.bus,
    service: 'luminary-trade',
    broker,
    store: stores.events,
    deadLetters: stores.deadLetters,
    keyStore: new MemoryKeyStore(),
    metrics: typeof metrics === 'object' ? { ...metrics, gauges } : metrics,
  })
  return {
    module: EventModule,
    imports: [bus, EventEndpointsModule.forRoot({})],
    providers: [
      { provide: SnapshotService, useFactory: () => new SnapshotService(stores.snapshots, settings.snapshots) },
      {
        provide: Repositories,
        useFactory: (snapshots: SnapshotService) => new Repositories({ store: stores.events, snapshots }),
        inject: [SnapshotService],
      },
      { provide: EventReplayService, useFactory: () => new EventReplayService({ store: stores.events }) },
      { provide: SagaManager, useFactory: sagaManager(stores), inject: [IEventBus, Repositories] },
      { provide: AddressBook, useValue: addressBook },
      SagaLifecycle,
      AccessDesk,
      AuditTrail,
      ResultBoard,
      AnalystAlerts,
    ],
  }
}

function sagaManager({ sagas }: Stores): (bus: IEventBus, repositories: Repositories) => SagaManager {
  return (bus, repositories) =>
    new SagaManager({ store: sagas, bus }).register<ScoringData>(
      AIScoringSaga.type,
      ({ id, data }) => new AIScoringSaga(id, data, repositories),
    )
}

async function activeSagas({ sagas }: Stores): Promise<number> {
  return (await sagas.count({ status: 'running' })) + (await sagas.count({ status: 'compensating' }))
}
