import { ConfigurationError } from 'interline'
import { type Arguments, help, readArguments, UsageError } from './arguments.js'
import { Display } from './display.js'
import { type DemoOutcome, figuresOf, problemsOf, render, runParts } from './run-parts.js'

const exitCodes = { adds: 0, wrong: 1, usage: 2, interrupted: 130 } as const

/** Answers the exit code. */
async function main(list: readonly string[]): Promise<number> {
  let options: Arguments | 'help'
  try {
    options = readArguments(list)
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown
    console.error(thrown.message)
    return exitCodes.usage
  }
  if (options === 'help') {
    console.log(help)
    return exitCodes.adds
  }
  return runToTheEnd(options)
}

async function runToTheEnd(options: Arguments): Promise<number> {
  const display = new Display(process.stdout)
  const interruption = new AbortController()
  const interrupt = (): void => {
    // the second time a person means it
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted)
    interruption.abort()
    display.say('Interrupted: what was published is still handled. Once more to stop at once.')
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    const outcome: DemoOutcome = await runParts(options, display, interruption.signal)
    const problems = problemsOf(outcome)
    if (options.json) display.say(JSON.stringify(figuresOf(outcome)))
    else display.say(render(outcome, display.paint).join('\n\n'))
    if (options.json) for (const problem of problems) console.error(`It does not add up: ${problem}`)
    if (problems.length > 0) return exitCodes.wrong
    return interruption.signal.aborted ? exitCodes.interrupted : exitCodes.adds
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown)
    // a broker whose adapter is not installed: asked for what is not there
    return thrown instanceof ConfigurationError ? exitCodes.usage : exitCodes.wrong
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

process.exitCode = await main(process.argv.slice(2))
