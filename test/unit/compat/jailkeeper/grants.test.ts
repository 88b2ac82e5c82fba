import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { grantsOf, type JailEntry } from '../../../../src/compat/jailkeeper/grants.js'
import { missingFileJudge } from '../../../../src/compat/jailkeeper/missing-files.js'
import type { AccessEvent } from '../../../../src/trace/index.js'

let root: string
let cwd: string
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'grants-')))
  cwd = join(root, 'jail')
  for (const name of ['jail', 'data/out', 'other']) await mkdir(join(root, name), { recursive: true })
  await writeFile(join(root, 'file'), '')
})
afterEach(() => rm(root, { recursive: true }))

const grants = (read: JailEntry[] = [], write: JailEntry[] = []) => grantsOf({ read, write }, cwd, '/usr/bin:relative:')
const mounts = (...lists: JailEntry[][]) =>
  grants(...lists).mounts.map(
    ({ target, writable }) => `${writable === true ? 'rw' : 'ro'} ${target.replace(root, '')}`,
  )

test('the working folder is mounted writable, entries at their own paths', () => {
  expect(mounts([join(root, 'file')], ['../other'])).toEqual(['rw /jail', 'rw /other', 'ro /file'])
})

test('what lies in a folder that is granted, in the base, nowhere, or is the sandbox’s own gets no mount', () => {
  const read = [
    cwd,
    'inner',
    '/usr/bin',
    '/etc/alternatives',
    '/proc/1',
    '/dev/null',
    '/sys',
    '/tmp',
    '/',
    join(root, 'none'),
  ]
  expect(mounts(read)).toEqual(['rw /jail'])
  expect(mounts([join(root, 'data/out')], [join(root, 'data')])).toEqual(['rw /jail', 'rw /data'])
})

test('a folder that holds another mount is named instead of mounted', () => {
  const given = grants([join(root, 'data'), root, '/etc'], [join(root, 'data/out')])
  expect(given.mounts.map(({ target }) => target)).toEqual([cwd, join(root, 'data/out')])
  expect(given.unmounted).toEqual(['/etc', root, join(root, 'data')])
})

test('expressions lose the flags that no list of paths has', () => {
  const entries = grants([/^\/data\/x$/gimy]).trace.read ?? []
  expect(entries.filter((entry) => entry instanceof RegExp).map(String)).toContain('/^\\/data\\/x$/i')
})

test.each([42, null, undefined, {}])('%j is no entry', (entry) => {
  expect(() => grants([entry as string])).toThrow(TypeError)
})

test('only a read of what the host has and the lists do not name is missing', () => {
  const file = join(root, 'file')
  const event = (facts: Partial<AccessEvent>) =>
    ({ kind: 'access', access: 'read', path: file, processId: 9, errno: 'ENOENT', ...facts }) as unknown as AccessEvent
  const judge = missingFileJudge(grants().trace)
  expect(judge(event({}))).toBe(file)
  expect(judge(event({ access: 'exec' }))).toBe(file)
  expect(judge(event({ errno: 'ENOTDIR' }))).toBe(file)
  for (const facts of [
    { errno: null },
    { errno: 'EACCES' },
    { access: 'write' as const },
    { path: null },
    { path: join(root, 'none') },
    { path: cwd },
    { path: join(cwd, 'x') },
    { path: root },
    { path: `/proc/${process.pid}/status` },
    { path: '/usr/bin/env' },
  ])
    expect(judge(event(facts)), JSON.stringify(facts)).toBeNull()
  expect(missingFileJudge(grants([file]).trace)(event({}))).toBeNull()
})

test('characters of globs in a path stand for themselves', async () => {
  const star = join(root, 'a*{b}[c]')
  await writeFile(star, '')
  const judge = missingFileJudge(grants([star]).trace)
  const event = { kind: 'access', access: 'read', processId: 9, errno: 'ENOENT' } as AccessEvent
  expect(judge({ ...event, path: star })).toBeNull()
  await writeFile(join(root, 'axbc'), '')
  expect(judge({ ...event, path: join(root, 'axbc') })).toBe(join(root, 'axbc'))
})
