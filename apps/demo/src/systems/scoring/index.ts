import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { System, SystemReport, World } from '../system.js'
import { runCourse } from './course.js'
import { eventModule } from './event.module.js'
import { ExistingResults } from './existing-results.js'
import { openDatabase } from './places/database.js'
import { storesIn } from './places/stores.js'
import { DeskBook, planOfTheRun } from './plan.js'
import { reportOf } from './report.js'
import { settingsFrom } from './settings.js'

export const system: System = {
  title: 'scores of real prices by sagas on NestJS, event-sourced, audited, replayed',
  async run(world: World): Promise<SystemReport> {
    const settings = settingsFrom(process.env)
    const choice = world.store(settings.storeType)
    await using database = await openDatabase(choice.type === 'postgres' ? choice : world.database(), settings.maxConnections)
    await using stores = storesIn(choice, database)
    const plan = planOfTheRun()
    const table = new ExistingResults(database)
    await table.fill(plan.existing)

    const application = eventModule({ broker: world.broker(), stores, settings, addressBook: new DeskBook() })
    const app = await NestFactory.create(application, { logger: ['error'], abortOnError: false })
    try {
      await app.listen(0, '127.0.0.1')
      const course = await runCourse(app, { ...plan, existing: await table.all() }, world.interrupted)
      return await reportOf(app, { plan, course, settings })
    } finally {
      await app.close()
    }
  },
}
