/**
 * What a guest does so that its policy takes one thing for another. Each attack does what it is after, as its output shows: a
 * policy judges, and hinders nothing. So each must be a violation, with the name of what was done.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SandboxOptions, TraceOptions, Violation } from '../../src/index.js'
import { evadeHome } from '../helpers/evade.js'
import { withSandbox } from '../helpers/sandboxes.js'

let home: Awaited<ReturnType<typeof evadeHome>>
let work: string
beforeAll(async () => {
  home = await evadeHome()
  work = await mkdtemp(join(tmpdir(), 'disguise-'))
  await mkdir(join(work, 'out'))
  await Promise.all([chmod(work, 0o755), chmod(join(work, 'out'), 0o777)])
  for (const name of ['first', 'second']) {
    await writeFile(join(work, name), 'text')
    await chmod(join(work, name), 0o666)
  }
})
afterAll(() => Promise.all([home[Symbol.asyncDispose](), rm(work, { recursive: true })]))

/** What a script prints, and what of it was a violation. */
async function judged(
  script: string,
  trace: Extract<TraceOptions, object>,
  { cpuCount = 1, ...options }: SandboxOptions & { readonly cpuCount?: number } = {},
) {
  const user = { name: 'disguised', home: home.home }
  const limits = { pids: 256, memoryBytes: '512MiB', cpuCount }
  return withSandbox({ ...options, user, limits, trace: { onViolation: 'report', ...trace } }, async (sandbox) => {
    const violations: Violation[] = []
    sandbox.on('jailbreak', (violation) => violations.push(violation))
    const { stdout } = await sandbox.shell(script, { timeoutMs: 60_000 })
    return { stdout, violations }
  })
}

const PROGRAMS = ['@runtime', '@programs', '@libraries', '/evade']
const READ_ONLY: Extract<TraceOptions, object> = { write: ['@runtime', '@devices', '/work/out'] }
const mounted = (): SandboxOptions => ({ mounts: [{ source: work, target: '/work', writable: true }] })

describe.each([1, 2])('on %i CPUs', (cpuCount) => {
  test('a program in memory that poses as another one is not that one', async () => {
    const script = '/evade memory x/../usr/bin/python3 /bin/true && echo ran'
    const { stdout, violations } = await judged(script, { exec: PROGRAMS }, { cpuCount })
    expect(stdout).toBe('ran\n')
    expect(violations).toMatchObject([{ mode: 'exec', syscall: 'execveat', path: null }])
  })

  test('a program that is called as if it was gone is not that one', async () => {
    const script = 'cp /evade "/tmp/tool (deleted)"; /evade empty "/tmp/tool (deleted)"'
    const { violations } = await judged(script, { exec: [...PROGRAMS, '/tmp/tool'] }, { cpuCount })
    expect(violations).toMatchObject([{ mode: 'exec', syscall: 'execveat' }])
  })
})

test('a message without an address family is told with its address', async () => {
  const { stdout, violations } = await judged('/evade family', { connect: [] })
  expect(stdout).toBe('bind OK\nsendto OK\nrecv OK\n')
  expect(violations).toMatchObject([
    { syscall: 'bind', path: '127.0.0.1:4444' },
    { syscall: 'sendto', path: '127.0.0.1:4444' },
  ])
})

test('a file that may be read is not emptied by the number of its descriptor', async () => {
  const { stdout, violations } = await judged('/evade number /work/first', READ_ONLY, mounted())
  expect(stdout).toBe('truncate OK\n')
  expect(violations).toMatchObject([{ syscall: 'truncate', file: '/proc/self/fd/3' }])
})

test('a file that may be read is not emptied by a further name', async () => {
  const { stdout, violations } = await judged('/evade link /work/second /work/out/name', READ_ONLY, mounted())
  expect(stdout).toBe('link OK\ntruncate OK\n')
  expect(violations).toMatchObject([{ syscall: 'link', path: '/work/second' }])
})

test('folders in folders without end take the host no time', async () => {
  const started = performance.now()
  const { stdout, violations } = await judged('/evade deep 5000', {})
  expect(performance.now() - started).toBeLessThan(15_000)
  expect(stdout).toBe('chdir OK\nmkdir OK\n')
  // Deeper than the longest path nobody can tell where a relative name leads.
  expect(violations.at(-1)).toMatchObject({ syscall: 'mkdir', file: 'last', path: null })
})
