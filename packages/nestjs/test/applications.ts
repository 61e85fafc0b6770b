import type { INestApplication, ModuleMetadata } from '@nestjs/common'
import type { AbstractHttpAdapter } from '@nestjs/core'
import { Test } from '@nestjs/testing'
import { afterEach } from 'vitest'

const running: INestApplication[] = []

afterEach(async () => {
  for (const application of running.splice(0)) await application.close()
})

/** An application of a test's own, closed after it. */
export async function application(metadata: ModuleMetadata, adapter?: AbstractHttpAdapter): Promise<INestApplication> {
  const compiled = await Test.createTestingModule(metadata).compile()
  const made = adapter === undefined ? compiled.createNestApplication() : compiled.createNestApplication(adapter)
  made.useLogger(false)
  running.push(made)
  return made
}

/** The same with everything that belongs to its start. */
export async function started(metadata: ModuleMetadata): Promise<INestApplication> {
  const app = await application(metadata)
  return app.init()
}

/** The same, on a free port of the loopback interface. Answers where. */
export async function listening(app: INestApplication): Promise<string> {
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as { readonly port: number }
  return `http://127.0.0.1:${port}`
}
