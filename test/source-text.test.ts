import { expect, test } from 'vitest'
import { importsOf, withoutComments } from './source-text.js'

test('imports are found in every form', () => {
  const text = [
    `import 'a'`,
    `import type { B } from 'b'`,
    `import {`,
    `  c,`,
    `} from 'c'`,
    `export { d } from "d"`,
    `const e = await import('e')`,
    `type F = import('f').F`,
  ].join('\n')
  expect(importsOf(text)).toEqual([
    { specifier: 'a', dynamic: false },
    { specifier: 'b', dynamic: false },
    { specifier: 'c', dynamic: false },
    { specifier: 'd', dynamic: false },
    { specifier: 'e', dynamic: true },
    { specifier: 'f', dynamic: true },
  ])
})

test('comments hide nothing but themselves', () => {
  expect(importsOf(`// import 'a'\n/* import 'b' */\nimport 'c' // import 'd'`)).toEqual([{ specifier: 'c', dynamic: false }])
  expect(withoutComments(`const url = 'redis://host' // why`)).toBe(`const url = 'redis://host' `)
})
