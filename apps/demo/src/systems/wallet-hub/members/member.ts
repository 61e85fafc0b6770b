/** The verbs of a part of the system that can be asked from another process: their words and answers are JSON. */
export type Verb<Part> = {
  [Name in keyof Part]: Part[Name] extends (...words: never[]) => Promise<unknown> ? Name : never
}[keyof Part] &
  string

type Words<Part, Name extends keyof Part> = Part[Name] extends (...words: infer Given) => Promise<unknown> ? Given : never
type Answer<Part, Name extends keyof Part> = Part[Name] extends (...words: never[]) => Promise<infer Found> ? Found : never

/** A part of the system, wherever it runs. */
export interface Member<Part> extends AsyncDisposable {
  ask<Name extends Verb<Part>>(verb: Name, ...words: Words<Part, Name>): Promise<Answer<Part, Name>>
}

/** One in this process. */
export function localMember<Part extends { close(): Promise<void> }>(part: Part): Member<Part> {
  return {
    ask: (verb, ...words) =>
      (part as unknown as Record<string, (...given: unknown[]) => Promise<never>>)[verb]?.(...words) as Promise<never>,
    [Symbol.asyncDispose]: () => part.close(),
  }
}
