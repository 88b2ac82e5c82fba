import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestInit } from '../../helpers/init-client.js'
import { compileProbe } from '../../helpers/probe-program.js'
import { TestTracer, tracerOf } from '../../helpers/test-tracer.js'

const GATE = Buffer.from('\n')
const NAMED = ['--trace', 'named']
const ALL = ['--trace', 'all']

/** An init whose gate was opened by hand, with a tracer attached before. */
async function traced(initArgs: readonly string[]) {
  const init = await TestInit.start({ initArgs })
  const tracer = await TestTracer.attach(init, initArgs.includes('all') ? ['-e', 'trace=all'] : undefined)
  init.send(GATE)
  return { init, tracer, [Symbol.asyncDispose]: () => init[Symbol.asyncDispose]() }
}

describe('the gate', () => {
  test('nothing is started before it is opened; then everything is, and no byte is lost', async () => {
    await using init = await TestInit.start({ initArgs: NAMED })
    const tracer = await TestTracer.attach(init)
    await delay(100)
    expect(init.children).toEqual([])
    init.send(GATE)
    expect((await init.shell('echo hello')).stdout).toBe('hello\n')
    expect(tracer.words).toBe('attached\n')
  })

  test.each([NAMED, ALL])('opened without a tracer, %s %s ends with a word', async (...initArgs) => {
    await using init = await TestInit.start({ initArgs })
    init.send(GATE)
    expect(await init.ended).toBe(125)
    expect(init.stderr).toBe('init: --trace: no process traces this one\n')
  })

  test('without --trace there is none, and nobody needs to trace', async () => {
    await using init = await TestInit.start()
    expect((await init.shell('grep TracerPid /proc/self/status')).stdout).toBe('TracerPid:\t0\n')
  })

  test('a host that is gone ends the wait', async () => {
    await using init = await TestInit.start({ initArgs: NAMED })
    init.closeInput()
    expect(await init.ended).toBe(0)
  })

  test('the lifetime ends the wait', async () => {
    await using init = await TestInit.start({ initArgs: NAMED, lifetimeMs: 100 })
    expect(await init.ended).toBe(124)
  })

  test.each(['--trace', '--trace some', '--pin-cpu x'])('refuses %s', async (words) => {
    await using init = await TestInit.start({ initArgs: words.split(' ') })
    expect(await init.ended).toBe(125)
    expect(init.stderr).toMatch(/^init: (unknown option|--trace takes named or all)/)
  })
})

describe('a command', () => {
  test.each([
    [NAMED, '2'],
    [ALL, '0'],
  ])('under %s is traced, and the seccomp mode is %s', async (initArgs, seccomp) => {
    await using run = await traced(initArgs)
    const { stdout } = await run.init.shell('grep -E "^(TracerPid|Seccomp):" /proc/self/status')
    expect(stdout).toMatch(new RegExp(`^TracerPid:\t[1-9]\\d*\nSeccomp:\t${seccomp}\n$`))
  })

  test.each([NAMED, ALL])('is named by its supervisor before it is forked: %s %s', async (...initArgs) => {
    await using run = await traced(initArgs)
    const command = await run.init.spawn('true')
    await command.exited
    const marker = new RegExp(`^(\\d+) .*access(?:at)?\\(.*"/.sandbox/command/${command.id}"`, 'm')
    await run.tracer.untilLine(marker)
    const supervisor = marker.exec(run.tracer.lines)?.[1] ?? ''
    // In two lines when another process' line came in between.
    await run.tracer.untilLine(
      new RegExp(`${marker.source}[^]*^${supervisor} .*(clone|fork)(\\(| resumed).* = ${command.pid}$`, 'm'),
    )
  })

  test('its last calls are seen, also when it ends the sandbox with them', async () => {
    await using run = await traced(NAMED)
    const args = ['-c', 'read pid rest </proc/1/task/1/children; read x </etc/last-word; kill -9 $pid']
    // The answer to the spawn may be lost with the init.
    const spawned = run.init.spawn('sh', { args }).catch(() => undefined)
    await run.init.ended
    await spawned
    await run.tracer.ended
    expect(run.tracer.lines).toContain('"/etc/last-word"')
    // What it killed can end before its own call has returned.
    expect(run.tracer.lines).toMatch(/kill\(\d+, SIGKILL(?:\)| <unfinished)/)
  })

  test('stays on one CPU when asked', async () => {
    const cpus = async (initArgs: readonly string[]) => {
      await using init = await TestInit.start({ initArgs })
      return (await init.shell('nproc')).stdout
    }
    expect(await cpus(['--pin-cpu'])).toBe('1\n')
    expect(await cpus([])).toBe(`${availableParallelism()}\n`)
  })
})

describe('when strace is killed', () => {
  const attack = async (initArgs: readonly string[]) => {
    await using run = await traced(initArgs)
    const command = await run.init.spawn('sh', { args: ['-c', 'echo; read line; read x </etc/passwd && echo "$x"'] })
    await new Promise((resolve) => command.streams.get(1)?.once('data', resolve))
    process.kill(tracerOf(run.init.hostPid), 'SIGKILL')
    expect(await run.tracer.ended).toBe(137)
    command.streams.get(0)?.end('go\n')
    return { stdout: (await command.stdout).trim(), stderr: (await command.stderr).trim() }
  }

  test('a guest can name nothing any more', async () => {
    const { stdout, stderr } = await attack(NAMED)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/Function not implemented$/)
  })

  test('without the filter it goes on untraced', async () => {
    const { stdout, stderr } = await attack(ALL)
    expect(stdout).toMatch(/^root:/)
    expect(stderr).toBe('')
  })
})

describe('ways out of the trace', () => {
  const isArm = process.arch === 'arm64'
  const EPERM = 1
  const ENOSYS = 38
  const ways: readonly (readonly [string, string, number])[] = [
    ['clone(CLONE_UNTRACED | SIGCHLD)', `${isArm ? 220 : 56},0x800011,0,0,0,0`, EPERM],
    ['clone3', '435,@88,88', ENOSYS],
    ['io_uring_setup', '425,1,@120', ENOSYS],
    ['seccomp(SECCOMP_GET_ACTION_AVAIL)', `${isArm ? 277 : 317},2,0,@4`, EPERM],
  ]
  /** Calls whose arguments are wrong: without the filter the kernel says something else of them. */
  const wrong: readonly (readonly [string, string, number, number])[] = [
    ['prctl(PR_SET_SECCOMP)', `${isArm ? 167 : 157},22,2,0`, EPERM, 14],
    ['prctl(PR_SET_SECCOMP) with the upper half set', `${isArm ? 167 : 157},0x100000016,2,0`, EPERM, 14],
    ['fchmodat2', '452,-100,"/nowhere,0,0', ENOSYS, 2],
    ['io_uring_enter', '426,-1,0,0,0,0,0', ENOSYS, 9],
    ['io_uring_register', '427,-1,0,0,0', ENOSYS, 22],
  ]
  let folder: string
  let probe: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trace-probe-'))
    await chmod(folder, 0o755)
    probe = join(folder, 'probe')
    await writeFile(probe, (await compileProbe()).binary, { mode: 0o755 })
  })
  afterAll(() => rm(folder, { recursive: true }))

  const answers = async (initArgs: readonly string[], calls: readonly string[]) => {
    await using run = await traced(initArgs)
    const command = await run.init.spawn(probe, { args: ['syscalls', ...calls] })
    const lines = (await command.stdout).trim().split('\n')
    return lines.map((line) => line.split(' ').map(Number)).map(([, result = 0, errno]) => ({ result, errno }))
  }

  test('the filter refuses them', async () => {
    const found = await answers(
      NAMED,
      [...ways, ...wrong].map(([, call]) => call),
    )
    const expected = [...ways, ...wrong].map(([name, , errno]) => ({ name, result: -1, errno }))
    expect(found.map((answer, index) => ({ name: [...ways, ...wrong][index]?.[0], ...answer }))).toEqual(expected)
  })

  test('without it they are open', async () => {
    const found = await answers(
      ALL,
      [...ways, ...wrong].map(([, call]) => call),
    )
    expect(found.slice(0, ways.length).map(({ result }) => result >= 0)).toEqual(ways.map(() => true))
    expect(found.slice(ways.length).map(({ errno }) => errno)).toEqual(wrong.map(([, , , errno]) => errno))
  })
})

test('forks and kills in a storm make strace say nothing', async () => {
  await using run = await traced(NAMED)
  const script =
    'i=0; while [ $i -lt 60 ]; do i=$((i+1)); (while :; do /bin/true & done) & sleep 0.01; kill -9 $!; done'
  const { waitStatus } = await run.init.shell(script)
  expect(waitStatus).toBe(0)
  expect(run.tracer.words).toBe('attached\n')
})
