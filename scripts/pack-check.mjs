// Installs the packed packages in an empty TypeScript project, as a user would: type-checks a program under strict NodeNext without
// skipLibCheck, and runs it under the host's Node and the workspace's. Run after a build.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { packAll, root, run } from './packages.mjs'

const windows = process.platform === 'win32'
const nodeName = windows ? 'node.exe' : 'node'

/** The Node that the machine has by itself: the first in the PATH that no package brought. */
function hostNode() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  return folders.map((folder) => join(folder, nodeName)).find((path) => existsSync(path)) ?? process.execPath
}

const versionOf = (node) => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
const versionIn = (name) => JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
const writeJson = (path, value) => writeFileSync(path, JSON.stringify(value, null, 2))

const project = mkdtempSync(join(tmpdir(), 'interline-pack-'))
try {
  const tarballs = Object.fromEntries(packAll(project).map(({ name, tarball }) => [name, `file:${tarball}`]))
  writeJson(join(project, 'package.json'), {
    private: true,
    type: 'module',
    dependencies: tarballs,
    devDependencies: { '@types/node': versionIn('@types/node') },
    overrides: Object.fromEntries(Object.keys(tarballs).map((name) => [name, `$${name}`])),
  })
  writeJson(join(project, 'tsconfig.json'), {
    compilerOptions: {
      target: 'ES2022',
      module: 'NodeNext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      rootDir: '.',
      outDir: 'built',
    },
    files: ['program.ts'],
  })
  cpSync(join(import.meta.dirname, 'pack-check-program.txt'), join(project, 'program.ts'))
  run(windows ? 'npm.cmd' : 'npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project, shell: windows })
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project])
  for (const node of new Set([hostNode(), process.execPath])) {
    console.log(`Packed packages under Node ${versionOf(node)}:`)
    run(node, [join(project, 'built/program.js')], { cwd: project })
  }
} finally {
  rmSync(project, { recursive: true, force: true })
}
