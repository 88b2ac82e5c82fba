import { constants } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestInit } from '../../helpers/init-client.js'

const { EAGAIN, EMFILE } = constants.errno

let init: TestInit
beforeAll(async () => {
  init = await TestInit.start()
})
afterAll(() => init[Symbol.asyncDispose]())

describe('a guest that turns on its supervisor', () => {
  test('by SIGKILL loses its whole tree', async () => {
    const result = await init.shell('(setsid sleep 60 & setsid sleep 60 &); sleep 0.1; kill -9 $PPID; sleep 60')
    expect(result).toMatchObject({ cause: 'supervisorKilled', waitStatus: 9 })
    expect(result.leftovers).toBeGreaterThanOrEqual(2)
    expect((await init.shell('pgrep sleep')).stdout).toBe('')
  })

  test('by SIGSTOP too', async () => {
    const result = await init.shell('(setsid sleep 60 &); sleep 0.1; kill -STOP $PPID; sleep 60')
    expect(result).toMatchObject({ cause: 'supervisorKilled', waitStatus: 9 })
    expect((await init.shell('pgrep sleep')).stdout).toBe('')
  })

  test('keeps no chain of processes that fork and die', async () => {
    const result = await init.shell('worm() { worm & }; worm >/dev/null 2>&1; sleep 0.05; kill -9 $PPID; sleep 60')
    expect(result.cause).toBe('supervisorKilled')
    await init.untilIdle()
  })

  test('does no harm to other commands', async () => {
    const other = await init.spawn('sh', { args: ['-c', '(setsid sleep 60 &); echo; read line; pgrep -c sleep'] })
    await init.shell('(setsid sleep 60 &); sleep 0.1; kill -9 $PPID; sleep 60')
    other.streams.get(0)?.end('go\n')
    expect(await other.stdout).toBe('\n1\n')
    expect(await other.exited).toMatchObject({ cause: 'none', leftovers: 1 })
  })

  test('reaches it with no signal that can be blocked', async () => {
    const result = await init.shell(
      'for s in $(seq 1 64); do case $s in 9|19) ;; *) kill -$s $PPID;; esac; done; exit 4',
    )
    expect(result).toMatchObject({ cause: 'none', waitStatus: 4 << 8 })
  })

  test('cannot give it orders', async () => {
    // rt_sigqueueinfo (129 on x86_64, 138 on arm64) with si_code SI_QUEUE and an si_pid of 1, for every real-time signal.
    const number = process.arch === 'x64' ? 129 : 138
    const script = `my $i = pack("iiix4ii", 10, 0, -1, 1, $<) . "\\0" x 104; syscall(${number}, getppid(), $_, $i) for 32..64; exit 6`
    const command = await init.spawn('perl', { args: ['-e', script] })
    expect(await command.exited).toMatchObject({ cause: 'none', waitStatus: 6 << 8 })
  })
})

describe('a guest cannot', () => {
  test.each(['KILL', 'STOP', 'TERM', 'INT', 'CHLD', 'SEGV'])('end or stop PID 1 by SIG%s', async (signal) => {
    await init.shell(`kill -${signal} 1`)
    expect((await init.shell('echo on')).stdout).toBe('on\n')
  })
})

describe('when init runs out of something', () => {
  test.each([
    ['processes', '--nproc=1', EAGAIN],
    ['descriptors', '--nofile=10', EMFILE],
  ])('%s, the command fails and the next one works', async (_name, limit, errno) => {
    await using poor = await TestInit.start()
    const script = `prlimit --pid 1 ${limit}:; echo; read line; prlimit --pid 1 --nproc=1000: --nofile=100:`
    const thief = await poor.spawn('sh', { args: ['-c', script] })
    await new Promise((resolve) => thief.streams.get(1)?.once('data', resolve))
    await expect(poor.spawn('true')).rejects.toMatchObject({ errno, stage: 'fork' })
    thief.streams.get(0)?.end('enough\n')
    await thief.exited
    await poor.untilIdle()
    expect((await poor.shell('echo on')).stdout).toBe('on\n')
  })
})
