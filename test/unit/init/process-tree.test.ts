import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitCodeOf, TestInit } from '../../helpers/init-client.js'

const { SIGTERM, SIGUSR1, SIGSTOP } = constants.signals

let init: TestInit
beforeAll(async () => {
  init = await TestInit.start()
})
afterAll(() => init[Symbol.asyncDispose]())

async function untilPrinted(init: TestInit, script: string) {
  const command = await init.spawn('sh', { args: ['-c', script] })
  await new Promise((resolve) => command.streams.get(1)?.once('data', resolve))
  return command
}

describe('the end of a command', () => {
  test('takes daemons that changed session and were forked twice', async () => {
    const result = await init.shell('for i in 1 2 3; do (setsid sleep 60 & setsid sleep 60 &); done; sleep 0.1')
    expect(result).toMatchObject({ leftovers: 6, cause: 'none', waitStatus: 0 })
    expect((await init.shell('pgrep sleep')).stdout).toBe('')
  })

  test('does not count children that were dead already', async () => {
    expect((await init.shell("(exit 1) & sh -c 'kill -9 $$' & sleep 1; exec true")).leftovers).toBe(0)
  })

  test('takes a chain of processes that fork and die', async () => {
    const result = await init.shell('worm() { worm & }; worm >/dev/null 2>&1')
    expect(result).toMatchObject({ waitStatus: 0, cause: 'none' })
    await init.untilIdle()
  })

  test('takes a fork bomb', async () => {
    const command = await untilPrinted(
      init,
      'prlimit --pid $$ --nproc=60; bomb() { bomb | bomb & }; bomb 2>/dev/null; echo; sleep 60',
    )
    await delay(300)
    init.signal(command.id, 0, 'tree')
    expect(await command.exited).toMatchObject({ cause: 'treeKilled', waitStatus: 9 })
    await init.untilIdle()
  })

  test('takes a fork bomb whose processes all change session', async () => {
    const bomb = 'for (1 .. 3) { fork or setsid } exit if rand() < 0.5; redo'
    const perl = `use POSIX; $SIG{CHLD} = "IGNORE"; syswrite STDOUT, "x"; { ${bomb} }`
    const command = await init.spawn('prlimit', { args: ['--nproc=60', 'perl', '-e', perl] })
    await new Promise((resolve) => command.streams.get(1)?.once('data', resolve))
    await delay(200)
    init.signal(command.id, 0, 'tree')
    await command.exited
    await init.untilIdle()
  })

  test('takes stopped processes', async () => {
    expect((await init.shell('sleep 60 & kill -STOP $!')).leftovers).toBe(1)
  })

  test('takes a process that calls itself a subreaper and ignores every signal', async () => {
    const prctl = process.arch === 'x64' ? 157 : 167
    const perl = `syscall(${prctl}, 36, 1); if(fork==0){ $SIG{$_}="IGNORE" for keys %SIG; setpgrp; exit 0 if fork; sleep 60 } select undef,undef,undef,1`
    const command = await init.spawn('perl', { args: ['-e', perl] })
    expect(await command.exited).toMatchObject({ leftovers: 1 })
  })
})

test('orphans are reaped while the command runs', async () => {
  const script =
    'for i in 1 2 3 4 5; do (sleep 0.05 &); done; sleep 1; grep -c "^State:.Z" /proc/[0-9]*/status | grep -c ":1"'
  expect((await init.shell(script)).stdout).toBe('0\n')
})

describe('signals', () => {
  test('reach the main process alone', async () => {
    const command = await untilPrinted(init, 'trap "exit 5" USR1; sleep 60 & echo; wait')
    init.signal(command.id, SIGUSR1, 'process')
    expect(exitCodeOf(await command.exited)).toBe(5)
  })

  test('reach the process group', async () => {
    // Whoever speaks is ready, and the shell that does not was so before.
    const command = await untilPrinted(
      init,
      'trap "" USR1; (trap "echo child" USR1; echo; sleep 10) & wait; wait; true',
    )
    init.signal(command.id, SIGUSR1, 'group')
    expect(await command.stdout).toContain('child')
  })

  test('end the whole tree, also one that ignores SIGTERM and one that is stopped', async () => {
    const command = await untilPrinted(init, 'trap "" TERM; setsid sleep 60 & echo; while :; do sleep 1; done')
    init.signal(command.id, SIGTERM, 'process')
    init.signal(command.id, SIGSTOP, 'group')
    await delay(50)
    init.signal(command.id, 0, 'tree')
    expect(await command.exited).toMatchObject({ waitStatus: 9, cause: 'treeKilled' })
  })

  test('to a command that is over or was never there are nothing', async () => {
    const { id } = await init.shell('true')
    init.signal(id, SIGTERM, 'process')
    init.signal(4_000_000_000, SIGTERM, 'tree')
    expect((await init.shell('echo on')).stdout).toBe('on\n')
  })
})

test('two commands at once do not end each other', async () => {
  const one = await untilPrinted(init, '(setsid sleep 60 &); setsid sleep 60 & echo; wait; read x; pgrep -c sleep')
  const two = await untilPrinted(init, '(setsid sleep 60 &); echo; read x')
  two.streams.get(0)?.end()
  expect((await two.exited).leftovers).toBe(1)
  const three = await untilPrinted(init, '(setsid sleep 60 &); echo; sleep 60')
  init.signal(three.id, 0, 'tree')
  expect((await three.exited).leftovers).toBeGreaterThan(0)
  expect((await init.shell('pgrep -c sleep')).stdout).toBe('2\n')
  init.signal(one.id, 0, 'tree')
  expect(await one.exited).toMatchObject({ leftovers: 2 })
})

test('200 quick commands leave no process and no descriptor behind', async () => {
  await init.shell('true')
  await init.untilIdle()
  const before = init.descriptorCount
  for (let i = 0; i < 200; i++) expect((await init.shell('exit 3')).waitStatus).toBe(3 << 8)
  await delay(50)
  await init.untilIdle()
  await expect.poll(() => init.descriptorCount).toBeLessThanOrEqual(before)
})

test('100 commands at once all end with their own code', async () => {
  const codes = Array.from({ length: 100 }, (_, code) => code)
  const results = await Promise.all(codes.map((code) => init.shell(`sleep 0.1; exit ${code}`)))
  expect(results.map(exitCodeOf)).toEqual(codes)
})
