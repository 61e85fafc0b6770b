export interface SourceImport {
  readonly specifier: string
  /** Written as `import('…')`: loaded when it runs, not when the module does. */
  readonly dynamic: boolean
}

const comments = /\/\*[\s\S]*?\*\/|(^|[^:'"`\\])\/\/[^\n]*/g

/** The text with its comments blanked, near enough for the patterns of the structure test. */
export function withoutComments(text: string): string {
  return text.replace(comments, '$1')
}

/** Every module a TypeScript text imports or re-exports, types included. */
export function importsOf(text: string): readonly SourceImport[] {
  const code = withoutComments(text)
  const statements = [...code.matchAll(/^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]/gm)]
  const calls = [...code.matchAll(/\bimport\s*\(\s*['"]([^'"]+)['"]/g)]
  return [
    ...statements.map(([, specifier]) => ({ specifier: specifier ?? '', dynamic: false })),
    ...calls.map(([, specifier]) => ({ specifier: specifier ?? '', dynamic: true })),
  ]
}
