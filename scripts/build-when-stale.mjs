/** Builds the package unless all that the build reads is older than the last build. Of two at a time the second waits. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const sources = ['src', 'images', 'scripts/build.mjs', 'tsconfig.json', 'package.json', 'package-lock.json']
const stamp = join(root, '.cache', 'build.key')
const pending = join(root, '.build-started')

mkdirSync(join(root, '.cache'), { recursive: true })
const lock = join(root, '.cache', 'build.lock')
if (process.env.HOLDS_BUILD_LOCK !== lock) {
  const env = { ...process.env, HOLDS_BUILD_LOCK: lock }
  const { status, error } = spawnSync('flock', [lock, process.execPath, import.meta.filename], {
    stdio: 'inherit',
    env,
  })
  if (error !== undefined) throw error
  process.exit(status ?? 1)
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Folders count too: removing a file changes its folder's time. */
function newest(path) {
  const own = modified(path)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return own
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), own)
}

// Without a result the stamp says nothing: it outlives a dist that somebody removed.
const builtAt = modified(join(root, 'dist', 'index.js')) === 0 ? 0 : modified(stamp)
const changedAt = Math.max(...sources.map((source) => newest(join(root, source))))
if (builtAt <= changedAt) {
  // The stamp takes the time of the start: what changes during the build is built the next time.
  writeFileSync(pending, '')
  try {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    renameSync(pending, stamp)
  } finally {
    rmSync(pending, { force: true })
  }
}
