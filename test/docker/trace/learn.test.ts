/** From one run to a policy and a seccomp profile, and to a second run that keeps them. */
import { expect, test } from 'vitest'
import type { LearnedPolicy, SandboxOptions, Violation } from '../../../src/index.js'
import { targetSeccompProfile, tightenSeccomp } from '../../../src/policy/index.js'
import { withSandbox } from '../../helpers/sandboxes.js'

const WORK = 'echo hi > "/tmp/x$$" && cat "/tmp/x$$" /etc/hostname && rm "/tmp/x$$"'

/** Runs a shell command in a sandbox of its own. */
async function run(options: SandboxOptions, command: string) {
  return withSandbox(options, async (sandbox) => {
    const violations: Violation[] = []
    sandbox.on('jailbreak', (violation) => violations.push(violation))
    const { outcome, exitCode, stdout } = await sandbox.shell(command, { timeoutMs: 60_000 })
    return { outcome, exitCode, stdout, violations: violations.map(({ path }) => path), learned: sandbox.trace.learn() }
  })
}

let learned: LearnedPolicy

test('a run that is traced with all its calls teaches both', async () => {
  const first = await run({ trace: { calls: 'all' } }, WORK)
  expect(first).toMatchObject({ outcome: 'exited', exitCode: 0 })
  learned = JSON.parse(JSON.stringify(first.learned)) as LearnedPolicy
  expect(learned.write).toContain('@scratch')
  expect(learned.read).toContain('/etc/[h]ostname')
  expect(learned.connect).toEqual([])
  expect(learned.syscalls).toEqual(expect.arrayContaining(['execve', 'openat', 'write']))
  expect(learned.syscalls).not.toContain('socket')
})

test('the same work keeps to them, with a scratch name of its own', async () => {
  const seccomp = tightenSeccomp(targetSeccompProfile(process.arch), learned.syscalls ?? [])
  expect(await run({ trace: learned, seccomp }, WORK)).toMatchObject({ outcome: 'exited', exitCode: 0, violations: [] })
})

test('other work is a violation', async () => {
  expect(await run({ trace: learned }, 'cat /etc/group')).toMatchObject({
    outcome: 'jailbreak',
    violations: ['/etc/group'],
  })
})
