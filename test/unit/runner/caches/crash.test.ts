import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { digestOf } from '../../../../src/runner/caches/cache-address.js'
import { CacheStore } from '../../../../src/runner/caches/index.js'
import { folderGuest } from '../../../helpers/folder-guest.js'

const LIMITS = { maxBytes: 1e9, maxBytesPerTenant: 1e9, maxEntryBytes: 1e9, maxAgeMs: 86_400_000 }
const root = join(import.meta.dirname, '../../../..')

test('a runner that is killed at any moment leaves whole caches, and what it left half done is swept', async () => {
  const work = mkdtempSync(join(tmpdir(), 'caches-crash-'))
  // In the checkout, where node finds the packages.
  const program = join(root, '.cache', `save-forever-${process.pid}.mjs`)
  const entry = join(root, 'test/fixtures/caches/save-forever.ts')
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  try {
    const folder = join(work, 'store')
    const store = new CacheStore(folder, LIMITS)
    let found = 0
    let halfDone = 0
    for (let round = 0; round < 8; round += 1) {
      const child = spawn(process.execPath, [program, folder, join(work, 'writer')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      await sleep(50 + round * 31)
      child.kill('SIGKILL')
      await once(child, 'exit')
      halfDone += readdirSync(join(folder, 'partial')).length
      await store.sweep()
      expect(readdirSync(join(folder, 'partial'))).toEqual([])
      const stored = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tar'))
      found += stored.length
      expect(await wholeCaches(store, join(work, `reader-${round}`))).toBe(stored.length)
    }
    // Else nothing was shown.
    expect(found).toBeGreaterThan(0)
    expect(halfDone).toBeGreaterThan(0)
  } finally {
    rmSync(program, { force: true })
    rmSync(work, { recursive: true, force: true })
  }
})

/** How many caches can be restored, each as it was saved. */
async function wholeCaches(store: CacheStore, target: string): Promise<number> {
  let whole = 0
  for (let digit = 0; digit < 10; digit += 1) {
    const cache = { key: 'deps', path: `deps`, fallback: false }
    const signal = AbortSignal.timeout(20_000)
    const digest = digestOf([String(digit)])
    const guest = folderGuest(join(target, String(digit)))
    const { restored } = await store.restore(guest, { tenant: 'acme', cache, digest, workspace: '/', signal })
    if (restored === 'none') continue
    expect(readFileSync(join(target, String(digit), 'deps/file'), 'utf8')).toBe(String(digit).repeat(1_000_000))
    whole += 1
  }
  return whole
}
