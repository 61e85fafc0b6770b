import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type * as Fixture from '../../test/fixtures/tc39-handlers.js'
import { modelOfTarget } from '../event/registry.js'
import { EventHandlerRegistry } from './event-handler-registry.js'
import { handlerDescriptions } from './handler-descriptions.js'

/** The test runner compiles legacy decorators only, so the compiler itself makes these, types checked, with a second copy of core. */
const packageRoot = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'interline-tc39-'))
const registry = EventHandlerRegistry.getInstance()
let fixture: typeof Fixture
let decoratePrivate: () => void

function load<Module>(name: string): Promise<Module> {
  return import(/* @vite-ignore */ pathToFileURL(join(folder, `out/test/fixtures/${name}.js`)).href) as Promise<Module>
}

beforeAll(async () => {
  const sources = ['tc39-handlers', 'tc39-private'].map((name) => join(packageRoot, `test/fixtures/${name}.ts`))
  const options = {
    extends: join(packageRoot, '../../tsconfig.base.json'),
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      outDir: join(folder, 'out'),
      rootDir: packageRoot,
      typeRoots: [join(packageRoot, '../../node_modules/@types')],
    },
    files: sources,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
  fixture = await load<typeof Fixture>('tc39-handlers')
  decoratePrivate = (await load<{ decoratePrivate: () => void }>('tc39-private')).decoratePrivate
}, 60_000)

afterEach(() => registry.clear())
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('TC39 decorators', () => {
  it('describe one subscription where class and method are both decorated', async () => {
    const mail = new fixture.OrderMail()
    const descriptions = handlerDescriptions(mail)
    expect(descriptions).toMatchObject([
      { target: [fixture.OrderPlaced], method: 'handle', options: { name: 'OrderMail', concurrency: 2 } },
    ])
    await descriptions[0]?.handler.handle(new fixture.OrderPlaced({ id: 'o-1' }), undefined as never)
    expect(mail.seen).toEqual(['o-1'])
  })

  it('register each instance once, also one of a subclass, and keep name and statics of the class', () => {
    const handlers = [new fixture.OrderMail(), new fixture.NightDesk()]
    expect(registry.handlers).toEqual(handlers)
    expect(registry.getRegisteredEventTypes()).toEqual(['OrderPlaced'])
    expect([fixture.OrderMail.name, fixture.OrderMail.created]).toEqual(['OrderMail', 'a static field'])
  })

  it('reach the method of a subclass that has none of its own', async () => {
    const desk = new fixture.NightDesk()
    const descriptions = handlerDescriptions(desk)
    await descriptions[0]?.handler.handle(new fixture.OrderPlaced({ id: 'o-2' }), undefined as never)
    expect(descriptions).toHaveLength(1)
    expect(desk.seen).toEqual(['night o-2'])
  })

  it('describe each method of a class that is not decorated itself', () => {
    expect(handlerDescriptions(new fixture.Desk())).toMatchObject([
      { target: [fixture.OrderPlaced], method: 'placed', options: { name: 'Desk.placed' } },
      { target: [fixture.OrderShipped], method: 'shipped', options: { name: 'desk-shipped' } },
    ])
    expect(registry.handlers).toEqual([])
  })

  it('name the events of a class that can’t be made without arguments', () => {
    expect(modelOfTarget(fixture.OrderPlaced)).toMatchObject({ type: 'OrderPlaced', version: 2, topic: 'orders.placed' })
  })

  it('refuse static and private methods', () => {
    expect(() => fixture.decorateStatic()).toThrow(/can't handle events with "handle"/)
    expect(() => decoratePrivate()).toThrow(/can't handle events with "#handle"/)
  })
})
