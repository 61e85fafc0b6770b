import type { AggregateModel } from './aggregate-model.js'
import { EventSourcedAggregate } from './event-sourced-aggregate.js'
import { trackingOf } from './tracking.js'

/** An aggregate of `defineAggregate`: its state, and what may be done to it. */
export class DefinedAggregate<State, Event extends object, Made extends object, Command> extends EventSourcedAggregate<Event> {
  readonly #model: AggregateModel<State, Event, Made, Command>
  #state: State

  constructor(id: string, model: AggregateModel<State, Event, Made, Command>) {
    super(id)
    this.#model = model
    this.#state = model.initial()
  }

  override get aggregateType(): string {
    return this.#model.type
  }

  override get snapshotVersion(): number {
    return this.#model.snapshotVersion
  }

  get state(): State {
    return this.#state
  }

  /** Decides, and adds what was decided; gives it, too. What `decide` throws goes to the caller, and nothing has happened. */
  execute(command: Command): readonly Made[] {
    const decided = this.#model.decide(command, this.#state)
    this.add(...decided)
    return decided
  }

  /** Adds what happened. All or nothing. */
  add(...events: readonly Made[]): void {
    const before = this.#state
    const { length } = this.changes
    try {
      for (const event of events) this.addEvent(event as unknown as Event)
    } catch (thrown) {
      this.#state = before
      trackingOf(this).changes.length = length
      throw thrown
    }
  }

  apply(event: Event): void {
    this.#state = this.#model.evolve(this.#state, event)
  }

  override toSnapshot(): unknown {
    return this.#model.write(this.#state)
  }

  override fromSnapshot(state: unknown): void {
    this.#state = this.#model.read(state)
  }
}
