import { VirtualClock } from '@interline/testing'
import { describe, expect, test } from 'vitest'
import { finished, Lanes, type Task } from './lanes.js'

interface Probe extends Task {
  /** Lets the run that is under way end; with a number, to run again after so many milliseconds. */
  end(againAfterMs?: number): void
}

function lanes(concurrency: number) {
  const log: string[] = []
  const clock = new VirtualClock()
  const subject = new Lanes(clock)
  subject.concurrency = concurrency
  const task = (name: string, key?: string): Probe => {
    let resolve: (again: number) => void = () => undefined
    return {
      key,
      run: () => {
        log.push(`run ${name}`)
        return new Promise<number>((done) => (resolve = done))
      },
      abandon: () => void log.push(`abandon ${name}`),
      end: (againAfterMs = finished) => resolve(againAfterMs),
    }
  }
  return { log, clock, subject, task }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('lanes', () => {
  test('tasks of one key run one after the other, in the order they came, while other keys go on', async () => {
    const { log, subject, task } = lanes(10)
    const [first, second, other] = [task('a1', 'a'), task('a2', 'a'), task('b1', 'b')]
    for (const each of [first, second, other]) subject.push(each)
    expect(log).toEqual(['run a1', 'run b1'])
    first.end()
    await settled()
    expect(log).toEqual(['run a1', 'run b1', 'run a2'])
  })

  test('no more than so many run at once, and who waits is served in turn', async () => {
    const { log, subject, task } = lanes(2)
    const tasks = ['1', '2', '3', '4'].map((name) => task(name))
    for (const each of tasks) subject.push(each)
    expect(log).toEqual(['run 1', 'run 2'])
    tasks[1]?.end()
    await settled()
    expect(log).toEqual(['run 1', 'run 2', 'run 3'])
    expect(subject.running).toBe(2)
  })

  test('a task that waits for its next run holds its key, and leaves its place to others', async () => {
    const { log, clock, subject, task } = lanes(1)
    const [failing, behind, other] = [task('a1', 'a'), task('a2', 'a'), task('b1', 'b')]
    for (const each of [failing, behind, other]) subject.push(each)
    failing.end(100)
    await settled()
    expect(log).toEqual(['run a1', 'run b1'])
    expect(subject.waiting).toBe(1)
    other.end()
    await settled()
    expect(log).toEqual(['run a1', 'run b1'])
    await clock.advance(100)
    failing.end()
    await settled()
    expect(log).toEqual(['run a1', 'run b1', 'run a1', 'run a2'])
  })

  test('a task pushed by one that runs does not start above it on the stack', () => {
    const { log, subject, task } = lanes(10)
    const inner = task('inner', 'k')
    subject.push({
      key: 'k',
      run: () => {
        subject.push(inner)
        log.push('outer ends')
        return finished
      },
      abandon: () => undefined,
    })
    expect(log).toEqual(['outer ends', 'run inner'])
  })

  test('stopping abandons what has not begun or waits, and resolves when what runs has ended', async () => {
    const { log, subject, task } = lanes(2)
    const [running, waiting, behind, queued] = [task('running', 'a'), task('waiting', 'b'), task('behind', 'a'), task('queued')]
    subject.push(running)
    subject.push(waiting)
    waiting.end(1_000)
    await settled()
    subject.push(behind)
    const filler = task('filler')
    subject.push(filler)
    subject.push(queued)
    const stopped = subject.stop()
    expect(log.filter((line) => line.startsWith('abandon')).sort()).toEqual(['abandon behind', 'abandon queued', 'abandon waiting'])
    running.end()
    filler.end()
    await stopped
    expect(subject.running).toBe(0)
    subject.push(task('late'))
    expect(log.at(-1)).toBe('abandon late')
  })

  test('those that are dropped are abandoned where they do not run, and what was behind them goes on', async () => {
    const { log, clock, subject, task } = lanes(2)
    const [waiting, behind, running, ready] = [task('waiting', 'a'), task('behind', 'a'), task('running', 'b'), task('ready', 'c')]
    subject.push(waiting)
    waiting.end(60_000)
    await settled()
    for (const each of [behind, running, task('other', 'd'), ready]) subject.push(each)
    log.length = 0
    const dropped: readonly Task[] = [waiting, running, ready]
    subject.drop((each) => dropped.includes(each))
    expect(log).toEqual(['abandon waiting', 'abandon ready'])
    running.end()
    await settled()
    expect(log).toEqual(['abandon waiting', 'abandon ready', 'run behind'])
    await clock.advance(60_000)
    expect(log).toHaveLength(3)
  })
})
