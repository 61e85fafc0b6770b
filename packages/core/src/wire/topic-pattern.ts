import { ConfigurationError } from '../errors.js'

/** A topic pattern made ready: `*` stands for one level, `>` at the end for one or more. */
export interface TopicPattern {
  readonly text: string
  /** Without wildcard, so that it matches one topic only. */
  readonly exact: boolean
  matches(topic: string): boolean
}

const memoised = new Map<string, TopicPattern>()
const memoLimit = 1_000
const unprintable = /[\s\p{Cc}\p{Cs}]/u
const forRegExp = /[\\^$.*+?()[\]{}|/-]/g

export function hasWildcard(text: string): boolean {
  return text.includes('*') || text.includes('>')
}

/** What is wrong with a topic: a wildcard, an empty level, white space. `undefined` where nothing is. */
export function topicProblem(topic: string): string | undefined {
  if (hasWildcard(topic)) return `The topic "${topic}" has a wildcard. Only subscriptions may have one.`
  return levelProblem(topic, `The topic "${topic}"`)
}

/** Throws ConfigurationError for a pattern that can't be meant. */
export function topicPattern(text: string): TopicPattern {
  const known = memoised.get(text)
  if (known !== undefined) return known
  const pattern = compile(text)
  if (memoised.size >= memoLimit) memoised.clear()
  memoised.set(text, pattern)
  return pattern
}

export function matchesTopic(pattern: string, topic: string): boolean {
  return topicPattern(pattern).matches(topic)
}

function compile(text: string): TopicPattern {
  const subject = `The topic pattern "${text}"`
  const problem = levelProblem(text, subject)
  if (problem !== undefined) throw new ConfigurationError(problem)
  if (!hasWildcard(text)) return { text, exact: true, matches: (topic) => topic === text }
  const levels = text.split('.')
  const parts = levels.map((level, index) => {
    if (level === '*') return '[^.]+'
    if (level === '>') {
      if (index === levels.length - 1) return '[^.]+(?:\\.[^.]+)*'
      throw new ConfigurationError(`${subject} has ">" before its end. ">" stands for all the rest; use "*" for one level.`)
    }
    if (hasWildcard(level))
      throw new ConfigurationError(`${subject} mixes a wildcard with text in "${level}". A wildcard is a level of its own.`)
    return level.replaceAll(forRegExp, '\\$&')
  })
  const expression = new RegExp(`^${parts.join('\\.')}$`)
  return { text, exact: false, matches: (topic) => expression.test(topic) }
}

function levelProblem(text: string, subject: string): string | undefined {
  if (text === '') return `${subject} is empty. Topics look like "orders.created".`
  if (text.startsWith('.') || text.endsWith('.') || text.includes('..')) {
    return `${subject} has an empty level. Remove the dot at its start, at its end, or beside another.`
  }
  if (unprintable.test(text)) return `${subject} contains white space or a control character. Use letters, digits, "-" and "_".`
  return undefined
}
