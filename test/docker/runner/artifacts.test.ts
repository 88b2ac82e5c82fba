import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest'
import { ArtifactError, GuestFileError, HostFileError } from '../../../src/errors.js'
import { ContainerSandbox } from '../../../src/index.js'
import { collectArtifacts } from '../../../src/runner/artifacts/index.js'
import { rejection } from '../../helpers/sandboxes.js'

let sandbox: ContainerSandbox
let work: string
let target: string

beforeAll(async () => {
  sandbox = await ContainerSandbox.create({ writable: ['/workspace'], limits: { scratchBytes: '64MiB' } })
})
afterAll(() => sandbox.kill())
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'artifacts-'))
  target = join(work, 'artifacts')
})
afterEach(async () => {
  rmSync(work, { recursive: true, force: true })
  await sandbox.shell('chmod -R u+rwX /workspace/* /workspace/.[!.]*; rm -rf /workspace/* /workspace/.[!.]*')
})

const collect = (paths: string[], limits: { maxBytes?: number; maxFiles?: number; signal?: AbortSignal } = {}) => {
  const { signal = AbortSignal.timeout(60_000), maxBytes = 2 ** 30, maxFiles = 10_000 } = limits
  return collectArtifacts(sandbox, {
    workspace: '/workspace',
    artifacts: { paths, maxBytes, maxFiles },
    target,
    signal,
  })
}
const build = (script: string) => sandbox.shell(`cd /workspace; ${script}`, { check: true })

test('keeps what the globs select, whole', async () => {
  await build(`
    mkdir -p dist/tmp dist/empty src a/b .hidden; echo out > dist/app; chmod 4755 dist/app; echo map > dist/app.map
    echo t > dist/tmp/t; echo s > src/s.c; echo l1 > top.log; echo l2 > a/b/deep.log; echo h > .hidden/h.log
    ln -s ../dist/app a/link.log; head -c 3000000 /dev/zero > dist/big; ln -s /etc src/out`)
  const { files, bytes, skipped } = await collect(['dist', '!dist/tmp', '!**/*.map', './**/*.log'])
  expect(files.map(({ path, type }) => `${type} ${path}`)).toEqual([
    'file .hidden/h.log',
    'file a/b/deep.log',
    'symlink a/link.log',
    'directory dist',
    'file dist/app',
    'file dist/big',
    'directory dist/empty',
    'file top.log',
  ])
  expect([bytes, skipped]).toEqual([3_000_012, 0])
  expect(statSync(join(target, 'dist/app')).mode & 0o7777).toBe(0o755)
  expect(readFileSync(join(target, 'a/link.log'), 'utf8')).toBe('out\n')
  expect(readdirSync(work)).toEqual(['artifacts'])
})

test('a link that leads out, a cap and a folder that cannot be read leave nothing', async () => {
  await build(
    'mkdir dist locked; ln -s /etc/passwd dist/out; ln -s dist link; for n in 1 2 3; do echo $n > dist/$n; done',
  )
  const link = await rejection(collect(['dist']))
  expect(link).toBeInstanceOf(ArtifactError)
  expect(String(link)).toMatch(/leads out: 'dist\/out' -> '\/etc\/passwd'; take it out/)
  expect(await rejection(collect(['dist', '!dist/out'], { maxFiles: 3 }))).toBeInstanceOf(ArtifactError)
  expect(await rejection(collect(['dist', '!dist/out'], { maxBytes: 5 }))).toBeInstanceOf(ArtifactError)
  await build('chmod 000 locked')
  expect(await rejection(collect(['locked/**']))).toBeInstanceOf(GuestFileError)
  expect(readdirSync(work)).toEqual([])
  // The walk neither follows a link nor goes where nothing can be.
  expect(await collect(['link/*', 'dist/1', 'locked?/**'])).toMatchObject({ files: [{ path: 'dist/1' }] })
})

test('what no archive can hold is left out and counted', async () => {
  await build("mkfifo dist; printf x > \"$(printf 'bad\\377')\"; printf y > 'new\nline\u001b[2J'")
  const { files, skipped } = await collect(['*'])
  expect(files).toEqual([{ path: 'new\nline\u001b[2J', type: 'file', bytes: 1 }])
  expect(skipped).toBe(2)
})

test('a workspace much larger than what is wanted is not sent', async () => {
  await build('mkdir big; truncate -s 1T big/sparse; for n in $(seq 3000); do : > big/$n; done; echo x > a.log')
  const start = performance.now()
  expect(await collect(['**/*.log'], { maxBytes: 10 })).toMatchObject({ files: [{ path: 'a.log' }], bytes: 2 })
  // A terabyte would take an hour.
  expect(performance.now() - start).toBeLessThan(20_000)
})

test('a full disk is told and leaves nothing', async () => {
  await build('head -c 6000000 /dev/zero > big; echo x > a')
  const disk = join(work, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'artifacts-test', disk])
  try {
    target = join(disk, 'artifacts')
    const error = await rejection(collect(['*']))
    expect(error).toBeInstanceOf(HostFileError)
    expect(error).toMatchObject({ code: 'ENOSPC' })
    expect(readdirSync(disk)).toEqual([])
    expect(await collect(['a'])).toMatchObject({ entries: 1 })
  } finally {
    execFileSync('umount', [disk])
  }
})

test('an abort ends it and leaves nothing', async () => {
  await build('head -c 40000000 /dev/zero > big')
  const abort = new AbortController()
  const pending = rejection(collect(['*'], { signal: abort.signal }))
  while (!existsSync(`${target}.partial`)) await new Promise((resolve) => setImmediate(resolve))
  abort.abort(new Error('enough'))
  expect(String(await pending)).toBe('Error: enough')
  expect(readdirSync(work)).toEqual([])
})
