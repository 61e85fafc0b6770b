// Packs every published package and asks publint and are-the-types-wrong whether its users could import it. Run after a build.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll, run } from './packages.mjs'

const folder = mkdtempSync(join(tmpdir(), 'interline-check-'))
try {
  for (const { tarball } of packAll(folder)) {
    run('publint', [tarball, '--strict'])
    run('attw', [tarball, '--profile', 'esm-only', '--format', 'ascii', '--quiet'])
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
