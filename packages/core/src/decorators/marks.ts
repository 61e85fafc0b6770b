import type { HandlerOptions } from '../bus/subscribe-options.js'
import type { AnyTarget } from '../event/targets.js'

/** What a decorator says: these events, handled so. `undefined` targets: look at the parameter's type, else at the class. */
export interface HandlerMark {
  readonly targets: readonly AnyTarget[] | undefined
  readonly options: HandlerOptions<never>
}

type MethodMarks = Map<string, HandlerMark>

const classMark = Symbol.for('interline.handler')
const methodMarks = Symbol.for('interline.handles')

/** Notes a class decorator on the class itself, where another copy of this package finds it too. */
export function markClass(target: object, mark: HandlerMark): void {
  Object.defineProperty(target, classMark, { value: mark, configurable: true })
}

/** Notes a method decorator on a prototype. The first mark of a method stays on top: its options win, its targets are added to. */
export function markMethod(prototype: object, method: string, mark: HandlerMark): void {
  if (!Object.hasOwn(prototype, methodMarks)) Object.defineProperty(prototype, methodMarks, { value: new Map(), configurable: true })
  const marks = (prototype as { [methodMarks]: MethodMarks })[methodMarks]
  const known = marks.get(method)
  marks.set(method, known === undefined ? mark : mergeMarks(mark, known))
}

function mergeMarks(outer: HandlerMark, inner: HandlerMark): HandlerMark {
  const targets = [...(outer.targets ?? []), ...(inner.targets ?? []).filter((target) => !outer.targets?.includes(target))]
  return { targets: targets.length === 0 ? undefined : targets, options: { ...inner.options, ...outer.options } }
}

/** The mark of an instance's class, or of the nearest class above that has one. */
export function classMarkOf(instance: object): HandlerMark | undefined {
  for (const prototype of prototypesOf(instance)) {
    const owner = prototype.constructor
    if (typeof owner === 'function' && Object.hasOwn(owner, classMark)) return (owner as unknown as { [classMark]: HandlerMark })[classMark]
  }
  return undefined
}

export interface MarkedMethod {
  readonly method: string
  readonly mark: HandlerMark
  /** Where it was marked. */
  readonly prototype: object
}

/** All marked methods, those of the class itself first; a method that was marked twice counts as the lower one says. */
export function methodMarksOf(instance: object): readonly MarkedMethod[] {
  const found = new Map<string, MarkedMethod>()
  for (const prototype of prototypesOf(instance)) {
    if (!Object.hasOwn(prototype, methodMarks)) continue
    for (const [method, mark] of (prototype as { [methodMarks]: MethodMarks })[methodMarks]) {
      if (!found.has(method)) found.set(method, { method, mark, prototype })
    }
  }
  return [...found.values()]
}

/** Whether decorators say that this instance, or one of its class, handles events: what `bus.register` takes. */
export function isDecoratedHandler(instance: object): boolean {
  return classMarkOf(instance) !== undefined || methodMarksOf(instance).length > 0
}

function* prototypesOf(instance: object): Iterable<object> {
  let prototype = Object.getPrototypeOf(instance) as object | null
  while (prototype !== null && prototype !== Object.prototype) {
    yield prototype
    prototype = Object.getPrototypeOf(prototype) as object | null
  }
}
