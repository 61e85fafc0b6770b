import type { BrokerCapabilities, EventBusOptions, IBroker, IDeadLetterStore } from '@interline/core'
import type { TestRunner } from '../runner/test-runner.js'

/** One configuration of a broker, and how the suite gets at what only its adapter knows. */
export interface TestBrokerOptions {
  /**
   * A new broker that is not connected. Brokers of one namespace see the same messages, as those of several processes do; those of
   * two namespaces never meet. A local broker is made once for a namespace and shared by the buses of a case.
   */
  create(namespace: string): IBroker
  /** Removes from the server what a namespace left there. */
  readonly cleanUp?: ((namespace: string) => Promise<void> | void) | undefined
  /** What must hold of the broker's own answer, so that a lost capability is seen. */
  readonly capabilities?: Partial<BrokerCapabilities> | undefined
  /** Messages as the vendor's plain client writes and reads them. Needed by B26. */
  readonly raw?: RawClient | undefined
  /** A server of the suite's own, to be killed. Needed by B14, B27 and B30. */
  readonly server?: (() => Promise<PrivateServer>) | undefined
  /** How a child process makes the same broker. Needed by B23 and B36. */
  readonly processes?: ProcessOptions | undefined
  /** How long a delivery belongs to its consumer without a sign of life, as `create` sets it. Needed by B29. */
  readonly leaseMs?: number | undefined
  /** A new store for letters of a case, for a broker whose own place can't be browsed: one for the dead, one for parked keys. */
  readonly deadLetterStore?: (() => IDeadLetterStore) | undefined
  /** Options of every bus that the suite makes. */
  readonly bus?: Partial<Omit<EventBusOptions, 'broker'>> | undefined
  /** Cases that this configuration does not run, each with the reason, which goes into the report. */
  readonly leaveOut?: Readonly<Record<string, string>> | undefined
  /** `describe` and `it` of your test runner. Default: the global ones. */
  readonly runner?: TestRunner | undefined
  /** `full` takes minutes. Default: `full` where `INTERLINE_TEST_SCALE` says so, else `short`. */
  readonly scale?: Scale | undefined
  readonly limits?: Partial<Limits> | undefined
}

/** `tiny` proves that cases can fail, where their counts don't matter. */
export type Scale = 'tiny' | 'short' | 'full'

export interface Limits {
  /** The longest time without any progress. */
  readonly gapMs: number
  /** The longest time that a case may take, for the test runner. */
  readonly caseMs: number
}

export interface RawMessage {
  /** CloudEvents attributes under their plain names, `datacontenttype` included. */
  readonly attributes: Readonly<Record<string, string>>
  readonly data: string | Uint8Array
}

export interface RawClient {
  /** Writes it in the vendor's CloudEvents binding. */
  write(namespace: string, destination: string, message: RawMessage): Promise<void>
  /** Called before the first message, where the broker keeps nothing for somebody who is not there yet. */
  listen?(namespace: string, destination: string): Promise<void>
  /** What is stored there, or came since `listen`, oldest first. */
  read(namespace: string, destination: string): Promise<readonly RawMessage[]>
}

export interface PrivateServer extends AsyncDisposable {
  create(namespace: string): IBroker
  /** With a fault in its settings. `secrets` must not appear in the error. */
  createWrong(fault: 'password' | 'port', namespace: string): { readonly broker: IBroker; readonly secrets: readonly string[] }
  /** `kill -9`. */
  kill(): Promise<void>
  /** The same address and data again. */
  start(): Promise<void>
}

export interface ProcessOptions {
  /** URL or path of a JavaScript module that exports `createBroker(namespace, ...args): IBroker`. */
  readonly module: string | URL
  readonly args?: readonly string[] | undefined
}
