import { expect, it } from 'vitest'
import { EventHandler } from './event-handler.js'
import { EventHandlerRegistry } from './event-handler-registry.js'
import { HandleEvent } from './handle-event.js'
import { isDecoratedHandler } from './marks.js'

class Plain {}

@EventHandler('marks.Seen')
class ByClass {
  handle(): void {}
}

class ByMethod {
  @HandleEvent('marks.Seen')
  onSeen(): void {}
}

class Below extends ByMethod {}

it('an instance is told to be a decorated handler, also one that was not constructed', () => {
  expect([new ByClass(), new ByMethod(), new Below(), Object.create(ByClass.prototype)].map(isDecoratedHandler)).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect([new Plain(), {}, Object.create(null), []].map(isDecoratedHandler)).toEqual([false, false, false, false])
  EventHandlerRegistry.getInstance().clear()
})
