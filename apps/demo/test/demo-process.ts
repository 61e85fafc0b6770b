import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export interface DemoResult {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: string
}

/** The demo as a person runs it, but with its output kept. */
export class DemoProcess {
  readonly child: ChildProcess
  readonly ended: Promise<DemoResult>
  #output = ''
  #errors = ''

  constructor(list: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [program, ...list], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code) => resolve({ code, lines: this.lines, errors: this.#errors }))
    })
  }

  get lines(): readonly string[] {
    return this.#output.trimEnd().split('\n')
  }

  /** Process ids of workers, as they are printed. */
  get workers(): readonly number[] {
    return [...this.#output.matchAll(/^worker \d+: pid (\d+)$/gm)].map(([, pid]) => Number(pid))
  }
}

export function runDemo(list: readonly string[], environment?: Readonly<Record<string, string>>): Promise<DemoResult> {
  return new DemoProcess(list, environment).ended
}

/** The summary that `--json` prints. */
export function figuresOf({ lines }: DemoResult): Record<string, unknown> {
  return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>
}
