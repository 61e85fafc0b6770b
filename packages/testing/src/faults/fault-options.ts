import type { TestBrokerOptions } from '../contract/broker-options.js'
import type { Direction } from '../servers/fault-proxy.js'

/** A server of the suite's own, as `startRedis` and its sisters give it. It is started again and resumed before a scenario ends. */
export interface KillableServer {
  /** `kill -9`. */
  kill(): Promise<void>
  /** The same address and data again; nothing where it runs. */
  start(): Promise<void>
  /** SIGSTOP. */
  pause(): void
  resume(): void
}

/** A line that can be made to fail, as `FaultProxy` is one. */
export interface FaultyLine {
  /** Requests are carried out, and their answers are lost. */
  dropReplies(): void
  /** Nothing arrives until it heals. */
  blackhole(direction: Direction): void
  /** Resets every open connection. */
  cut(): void
  heal(): void
}

/** One configuration of a broker whose server, line and processes the suite may make fail. */
export interface TestBrokerFaultsOptions
  extends Pick<TestBrokerOptions, 'create' | 'capabilities' | 'deadLetterStore' | 'bus' | 'leaveOut' | 'runner' | 'scale' | 'limits'> {
  readonly server: KillableServer
  /** What every connection of the brokers of `create` and `processes` goes through. */
  readonly line: FaultyLine
  /** How a child process makes the same broker. Needed by F6, F7 and F10, and by F8 in part. */
  readonly processes?: TestBrokerOptions['processes']
  /** How long a delivery belongs to its consumer without a sign of life, as `create` sets it. */
  readonly leaseMs: number
  /** How long a publish may take at most while nothing answers, as `create` sets it. */
  readonly publishTimeoutMs: number
  /** How long each scenario of the full run goes on. Default: `INTERLINE_TEST_CHAOS_MS`, else 30 s. */
  readonly durationMs?: number | undefined
  /** Of what is random in it. Default: `INTERLINE_SEED`, else a new one, which the summary names. */
  readonly seed?: number | undefined
}
