import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { CapacityError, GuestFileError } from '../../../src/errors.js'
import { ContainerSandbox } from '../../../src/index.js'
import { CacheStore, type CacheRequest } from '../../../src/runner/caches/index.js'
import { rejection } from '../../helpers/sandboxes.js'

const LIMITS = { maxBytes: 2 ** 30, maxBytesPerTenant: 2 ** 30, maxEntryBytes: 2 ** 28, maxAgeMs: 86_400_000 }

let builder: ContainerSandbox
let other: ContainerSandbox
let work: string
let store: CacheStore

beforeAll(async () => {
  const options = { writable: ['/workspace'], limits: { scratchBytes: '24MiB' } } as const
  ;[builder, other] = await Promise.all([ContainerSandbox.create(options), ContainerSandbox.create(options)])
})
afterAll(() => Promise.all([builder.kill(), other.kill()]))
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'caches-'))
  store = new CacheStore(join(work, 'store'), LIMITS)
})
afterEach(async () => {
  for (const sandbox of [builder, other]) await sandbox.shell('chmod -R u+rwX /workspace/*; rm -rf /workspace/*')
  rmSync(work, { recursive: true, force: true })
})

const run = (sandbox: ContainerSandbox, script: string) => sandbox.shell(`cd /workspace; ${script}`, { check: true })
const at = (changes: Partial<CacheRequest> & { path?: string } = {}): CacheRequest => {
  const { path = 'deps', ...rest } = changes
  const signal = AbortSignal.timeout(60_000)
  const cache = { key: 'deps', path, fallback: true }
  return { tenant: 'acme', digest: '1'.repeat(64), workspace: '/workspace', signal, ...rest, cache }
}

test('a cache goes from one sandbox into another with modes, links and times, and never to another tenant', async () => {
  await run(
    builder,
    `mkdir -p deps/a/b deps/empty deps/locked; echo one > deps/a/b/file; ln -s ../b/file deps/a/link; ln -s /etc deps.out
     ln deps/a/b/file deps/hard; printf '#!/bin/sh\\n' > deps/run; chmod 4755 deps/run; mkfifo deps/fifo
     touch -d @1000000000 deps/a/b/file deps/a; chmod 555 deps/locked; head -c 3000000 /dev/urandom > deps/big`,
  )
  expect(await store.save(builder, at())).toEqual({ saved: true, bytes: 3_000_018, reason: null })
  expect(await store.restore(other, at({ tenant: 'other' }))).toMatchObject({ restored: 'none' })
  expect(await store.restore(other, at())).toEqual({ restored: 'exact', bytes: 3_000_018, entries: 9, reason: null })
  const list =
    'cd /workspace/deps; find . ! -type p | sort | while read f; do stat -c "%n %f %Y" "$f"; done; cat big | cksum'
  const [before, after] = await Promise.all([builder.shell(list), other.shell(list)])
  // Special bits are left out, and the folder itself and links are made anew.
  const comparable = (text: string) => text.replace('run 89ed', 'run 81ed').replaceAll(/^(\.|\.\/a\/link) .*$/gm, '$1')
  expect(comparable(after.stdout)).toBe(comparable(before.stdout))
  expect(after.stdout).toContain('./a/b/file 81a4 1000000000')
})

test('contents make the digest, in any order; what is missing is a content of its own', async () => {
  const digest = (...files: string[]) => store.digest(builder, '/workspace', files, AbortSignal.timeout(60_000))
  await run(builder, 'echo a > a; echo b > b; : > empty; mkdir folder; mkfifo fifo; truncate -s 65M large')
  const digests = await Promise.all([
    digest('a', 'b'),
    digest('b', 'a', 'a'),
    digest('a'),
    digest('empty'),
    digest('missing'),
    digest('a/below'),
    digest(),
  ])
  expect(digests[0]).toBe(digests[1])
  expect(new Set(digests).size).toBe(6)
  await run(builder, 'echo changed > b')
  expect(await digest('a', 'b')).not.toBe(digests[0])
  expect(await rejection(digest('folder'))).toMatchObject({ code: 'EISDIR' })
  expect(await rejection(digest('fifo'))).toBeInstanceOf(GuestFileError)
  expect(await rejection(digest('large'))).toBeInstanceOf(CapacityError)
})

test('links of the workspace lead a cache nowhere', async () => {
  await run(builder, 'mkdir -p deps/sub; echo cached > deps/sub/file')
  expect(await store.save(builder, at())).toMatchObject({ saved: true })
  // The cache's own path, a folder on the way, and a folder inside it.
  await run(other, 'mkdir -p victim; echo mine > victim/file; ln -s victim deps')
  expect(await store.restore(other, at())).toMatchObject({
    restored: 'none',
    reason: "'deps' is a symlink and no folder",
  })
  expect(await store.save(other, at({ digest: '2'.repeat(64) }))).toMatchObject({ saved: false })
  await run(other, 'rm deps; mkdir deps; ln -s ../victim deps/sub')
  expect(await store.restore(other, at())).toMatchObject({ restored: 'exact' })
  expect((await run(other, 'cat victim/file deps/sub/file; test ! -L deps/sub')).stdout).toBe('mine\ncached\n')
  // One that leads out is not kept for later builds.
  await run(builder, 'ln -s /run/secrets deps/sub/out')
  const result = await store.save(builder, at({ digest: '3'.repeat(64) }))
  expect(result).toMatchObject({ saved: false, bytes: 0 })
  expect(result.reason).toContain("leads out: 'sub/out' -> '/run/secrets'")
})

test('a workspace without room begins without the cache', async () => {
  await run(builder, 'mkdir deps; head -c 20000000 /dev/zero > deps/big')
  await store.save(builder, at())
  await run(other, 'head -c 15000000 /dev/zero > filled')
  const result = await store.restore(other, at())
  expect(result).toMatchObject({ restored: 'none', bytes: 0 })
  expect(result.reason).toContain('ENOSPC')
  expect((await run(other, 'ls')).stdout).toBe('filled\n')
  // Where the folder held something it cannot be left as it was: that is told as an error.
  await run(other, 'mkdir deps; echo own > deps/own')
  expect(await rejection(store.restore(other, at()))).toMatchObject({ code: 'ENOSPC' })
  expect((await run(other, 'cat deps/own')).stdout).toBe('own\n')
})

test('a full disk of the host fails nothing and leaves what was there', async () => {
  const disk = join(work, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'caches-test', disk])
  try {
    store = new CacheStore(join(disk, 'store'), LIMITS)
    await run(builder, 'mkdir deps; echo small > deps/small')
    expect(await store.save(builder, at())).toMatchObject({ saved: true })
    await run(builder, 'head -c 6000000 /dev/urandom > deps/big')
    const result = await store.save(builder, at({ digest: '2'.repeat(64) }))
    expect(result).toMatchObject({ saved: false })
    expect(result.reason).toContain('ENOSPC')
    expect(readdirSync(join(disk, 'store/partial'))).toEqual([])
    expect(await store.restore(other, at({ digest: '2'.repeat(64) }))).toMatchObject({ restored: 'fallback', bytes: 6 })
  } finally {
    execFileSync('umount', [disk])
  }
})

test('more than the cap is not saved, and an endless folder does not hold the runner', async () => {
  store = new CacheStore(join(work, 'store'), { ...LIMITS, maxEntryBytes: 1_000_000 })
  await run(builder, 'mkdir deps; truncate -s 1T deps/sparse')
  const start = performance.now()
  expect(await store.save(builder, at())).toMatchObject({ saved: false, reason: /1000000 bytes, the most/ })
  expect(performance.now() - start).toBeLessThan(10_000)
  expect(readdirSync(join(work, 'store/partial'))).toEqual([])
})

test('an abort, and the end of the sandbox, end a save', async () => {
  await run(builder, 'mkdir deps; head -c 20000000 /dev/zero > deps/big')
  const abort = new AbortController()
  const saved = rejection(store.save(builder, at({ signal: abort.signal })))
  setTimeout(() => abort.abort(new Error('enough')), 20)
  expect(String(await saved)).toBe('Error: enough')
  expect(await store.save(builder, at())).toMatchObject({ saved: true })
  const dying = await ContainerSandbox.create({ writable: ['/workspace'] })
  const restored = rejection(store.restore(dying, at()))
  await dying.kill()
  expect(await restored).toMatchObject({ code: 'ERR_SANDBOX_EXITED' })
  expect(readdirSync(join(work, 'store/partial'))).toEqual([])
})
