import { rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  ContainerSandbox,
  InvalidOptionsError,
  InvalidStateError,
  type LockupError,
  ProgramError,
  SandboxExitedError,
  StartupError,
  type SandboxError,
  type SandboxOptions,
} from '../../../src/index.js'
import { writeProgram } from '../../helpers/programs.js'
import { containersOf, rejection } from '../../helpers/sandboxes.js'

const made: ContainerSandbox[] = []
const make = (options: SandboxOptions) => {
  const sandbox = new ContainerSandbox(options)
  made.push(sandbox)
  return sandbox
}
const started = async (options: SandboxOptions) => {
  const sandbox = make(options)
  await sandbox.start()
  return sandbox
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
})

/** Knows which process it is, and calls the host. */
const PROGRAM = `
  const id = Math.random()
  rpc.expose('id', () => id)
  rpc.expose('twice', (n) => rpc.call('double', [n]))
  rpc.expose('never', () => new Promise(() => {}))
`

/** How many processes run in a sandbox that execute node as a program: the supervisor is none. */
async function programs(sandbox: ContainerSandbox): Promise<number> {
  const { stdout } = await sandbox.shell('cat /proc/[0-9]*/cmdline | tr "\\0" " " | grep -o "program[.]cjs" | wc -l')
  return Number(stdout)
}

describe('reload', () => {
  it('starts the same file anew, read anew; what is exposed stays', async () => {
    const program = writeProgram(PROGRAM)
    const sandbox = make({ program })
    sandbox.rpc.expose('double', (n: number) => 2 * n)
    await sandbox.start()
    const id = await sandbox.rpc.call('id')
    await sandbox.reload()
    expect(await sandbox.rpc.call('id')).not.toBe(id)
    expect(await sandbox.rpc.call('twice', [5])).toBe(10)
    writeFileSync(program, `${PROGRAM}; rpc.expose('more', () => 'new'); console.log('reloaded')`)
    const said = new Promise((resolve) => sandbox.once('stdout', (chunk) => resolve(chunk.toString())))
    await sandbox.reload()
    expect(await sandbox.rpc.call('more')).toBe('new')
    expect(await said).toBe('reloaded\n')
    expect(await programs(sandbox)).toBe(1)
    expect(sandbox.state).toBe('ready')
  })

  it('takes another program, another methods file, or none', async () => {
    const sandbox = await started({ program: writeProgram(PROGRAM) })
    await sandbox.reload(writeProgram('rpc.expose("which", () => "second")'))
    expect(await sandbox.rpc.call('which')).toBe('second')
    await sandbox.reload({ methods: writeProgram('exports.methods = { act: () => "acted" }') })
    expect(await sandbox.action('act')).toBe('acted')
    expect(await sandbox.rpc.call('which')).toBe('second')
    await sandbox.reload({ program: null })
    expect(await sandbox.action('act')).toBe('acted')
    expect(await rejection(sandbox.rpc.call('which'))).toMatchObject({ rpcCode: -32601 })
    expect(await rejection(sandbox.reload({ methods: null }))).toBeInstanceOf(InvalidStateError)
    expect(await sandbox.action('act')).toBe('acted')
    expect(await rejection(sandbox.reload({ programm: 'x' } as never))).toBeInstanceOf(InvalidOptionsError)
  })

  it('gives a program to a sandbox that had none, and to one whose program has ended', async () => {
    const sandbox = await started({ permissions: ['process'] })
    expect(await rejection(sandbox.reload())).toBeInstanceOf(InvalidStateError)
    await sandbox.reload(writeProgram(`${PROGRAM}; rpc.expose('end', () => require('process').exit(4))`))
    const id = await sandbox.rpc.call('id')
    expect(await rejection(sandbox.rpc.call('end'))).toMatchObject({ code: 'ERR_PROGRAM', details: { exitCode: 4 } })
    expect(await rejection(sandbox.rpc.call('id'))).toBeInstanceOf(ProgramError)
    await sandbox.reload()
    expect(await sandbox.rpc.call('id')).not.toBe(id)
  })

  it('rejects what is pending, lets calls that come meanwhile wait, and reaches neither with the answers of the other', async () => {
    const sandbox = make({ program: writeProgram(PROGRAM) })
    let hold: () => void = () => undefined
    sandbox.rpc.expose('double', (n: number) => (n === 0 ? new Promise<void>((resolve) => (hold = resolve)) : 2 * n))
    await sandbox.start()
    const pending = rejection(sandbox.rpc.call('never'))
    const held = rejection(sandbox.rpc.call('twice', [0]))
    await delay(50)
    const reloading = sandbox.reload()
    const meanwhile = sandbox.rpc.call('twice', [4])
    for (const error of [await pending, await held])
      expect(error).toMatchObject({
        code: 'ERR_PROGRAM',
        message: 'the program was reloaded',
        details: { reason: 'reload' },
      })
    await reloading
    hold()
    expect(await meanwhile).toBe(8)
    expect(await sandbox.rpc.call('twice', [1])).toBe(2)
  })

  it('during calls without end loses none without a word', async () => {
    const sandbox = make({ program: writeProgram(PROGRAM) })
    sandbox.rpc.expose('double', (n: number) => 2 * n)
    await sandbox.start()
    const outcomes = { answered: 0, reloaded: 0 }
    let isOver = false
    const caller = async (): Promise<void> => {
      while (!isOver) {
        const answer = await sandbox.rpc.call('twice', [3]).catch((error: unknown) => error)
        if (answer === 6) outcomes.answered += 1
        else {
          expect(answer).toMatchObject({ code: 'ERR_PROGRAM', details: { reason: 'reload' } })
          outcomes.reloaded += 1
        }
      }
    }
    const callers = Array.from({ length: 20 }, caller)
    for (let round = 0; round < 15; round += 1) {
      await sandbox.reload()
      await delay(20)
    }
    isOver = true
    await Promise.all(callers)
    expect(outcomes.answered).toBeGreaterThan(100)
    expect(outcomes.reloaded).toBeGreaterThan(0)
    expect(await programs(sandbox)).toBe(1)
  })

  it('many times at once: each takes its turn, and nothing piles up', async () => {
    const sandbox = await started({ program: writeProgram(PROGRAM) })
    const ids = new Set<unknown>()
    const reloads = Array.from({ length: 10 }, async () => {
      await sandbox.reload()
      ids.add(await sandbox.rpc.call('id').catch(() => null))
    })
    await Promise.all(reloads)
    expect(await sandbox.rpc.call('id')).toBeTypeOf('number')
    expect(await programs(sandbox)).toBe(1)
    expect(sandbox.state).toBe('ready')
  })

  it('of a file that cannot be read leaves the old program alone', async () => {
    const sandbox = await started({ program: writeProgram(PROGRAM) })
    const id = await sandbox.rpc.call('id')
    expect(await rejection(sandbox.reload('/there/is/nothing.js'))).toMatchObject({
      code: 'ERR_PROGRAM',
      message: expect.stringContaining('ENOENT') as string,
    })
    expect(await sandbox.rpc.call('id')).toBe(id)
    await sandbox.reload()
    expect(await sandbox.rpc.call('id')).not.toBe(id)
  })

  it.each<[string, string, abstract new (...args: never[]) => Error, RegExp]>([
    ['has a syntax error', 'const = 1', ProgramError, /has a syntax error/],
    ['throws', 'throw new Error("no")', ProgramError, /threw while it was loaded: Error: no/],
    ['exits', 'require("process").exit(9)', ProgramError, /exit code 9/],
    ['never returns', 'for (;;) {}', StartupError, /not loaded within startupMs \(4000 ms\)/],
    ['awaits what never comes', 'await new Promise(() => {})', StartupError, /not loaded within startupMs/],
  ])(
    'of a program that %s: nothing runs, the sandbox lives, and the next one can be loaded',
    async (_n, source, type, message) => {
      const sandbox = await started({
        program: writeProgram(PROGRAM),
        permissions: ['process'],
        timeouts: { startupMs: 4_000, killGraceMs: 200 },
      })
      const errors: unknown[] = []
      sandbox.on('error', (error) => errors.push(error))
      const reloading = rejection(sandbox.reload(writeProgram(source)))
      const waiting = rejection(sandbox.rpc.call('id'))
      const error = await reloading
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message).toMatch(message)
      expect(await waiting).toBe(error)
      expect(errors).toEqual([])
      expect(await programs(sandbox)).toBe(0)
      await sandbox.reload(writeProgram('rpc.expose("id", () => 7)'))
      expect(await sandbox.rpc.call('id')).toBe(7)
    },
  )

  it('ends a program that does not want to end, and what it has started', async () => {
    const source = `
      require('process').on('SIGTERM', () => {})
      require('child_process').spawn('setsid', ['sleep', '4242'], { stdio: 'ignore' }).unref()
      rpc.expose('lock', () => { for (;;) {} })
    `
    const sandbox = await started({
      program: writeProgram(source),
      permissions: ['process', 'child_process'],
      timeouts: { killGraceMs: 300 },
    })
    const locked = rejection(sandbox.rpc.call('lock'))
    await vi.waitFor(async () => expect((await sandbox.shell('cat /proc/*/cmdline')).stdout).toContain('4242'), {
      timeout: 10_000,
    })
    await sandbox.reload(writeProgram(PROGRAM))
    expect(await locked).toMatchObject({ details: { reason: 'reload' } })
    expect(await sandbox.rpc.call('id')).toBeTypeOf('number')
    expect((await sandbox.shell('cat /proc/[0-9]*/cmdline')).stdout).not.toContain('4242')
  })

  it('is refused before the start, after the end, and given up by a kill', async () => {
    const sandbox = make({ program: writeProgram(PROGRAM) })
    expect(await rejection(sandbox.reload())).toBeInstanceOf(InvalidStateError)
    await sandbox.start()
    const reloads = [sandbox.reload(), sandbox.reload(), sandbox.reload()].map((reload) => rejection(reload))
    await delay(30)
    await sandbox.kill()
    for (const error of await Promise.all(reloads)) {
      const isTyped = error instanceof SandboxExitedError || error instanceof InvalidStateError
      expect(isTyped || (error as Error).message.startsWith('resolved')).toBe(true)
    }
    expect(await rejection(sandbox.reload())).toBeInstanceOf(SandboxExitedError)
    expect(await containersOf(sandbox.id)).toEqual([])
  })
})

describe('a lockup with onLockup: restart', () => {
  const timeouts = { pingIntervalMs: 50, lockupMs: 1_500, killGraceMs: 100 }
  const LOCKING = `${PROGRAM}; rpc.expose('lock', () => { while (1); })`

  it('restarts the program: what is exposed stays, calls work afterwards', async () => {
    const program = writeProgram(LOCKING)
    const sandbox = make({ program, onLockup: 'restart', timeouts })
    sandbox.rpc.expose('double', (n: number) => 2 * n)
    await sandbox.start()
    const lockups: LockupError[] = []
    const errors: SandboxError[] = []
    sandbox.on('lockup', (error) => lockups.push(error))
    sandbox.on('error', (error) => errors.push(error))
    const id = await sandbox.rpc.call('id')
    // What is restarted is what was running, whatever has become of the file.
    rmSync(program)
    for (let round = 1; round <= 2; round += 1) {
      const error = await rejection(sandbox.rpc.call('lock'))
      expect(error).toMatchObject({
        code: 'ERR_PROGRAM',
        message: 'the program locked up and was restarted',
        details: { reason: 'lockup' },
        cause: { code: 'ERR_LOCKUP' },
      })
      expect(await sandbox.rpc.call('twice', [21])).toBe(42)
      expect(await sandbox.rpc.call('id')).not.toBe(id)
      expect(lockups.length).toBe(round)
    }
    expect(lockups[0]).toMatchObject({ details: { target: 'program' } })
    expect(errors).toEqual([])
    expect(await programs(sandbox)).toBe(1)
  })

  it('is bounded: a program that locks up again and again is ended, and a reload starts it again', async () => {
    const sandbox = await started({ program: writeProgram(LOCKING), onLockup: 'restart', timeouts })
    const errors: SandboxError[] = []
    let lockups = 0
    sandbox.on('lockup', () => (lockups += 1))
    sandbox.on('error', (error) => errors.push(error))
    for (let round = 0; round < 5; round += 1) {
      const error = await rejection(sandbox.rpc.call('lock'))
      expect(error).toMatchObject({ message: 'the program locked up and was restarted' })
    }
    const last = await rejection(sandbox.rpc.call('lock'))
    expect(last).toMatchObject({
      code: 'ERR_PROGRAM',
      message: 'the program locked up and is not restarted again: 5 restarts within a minute',
    })
    await vi.waitFor(() => expect(errors).toEqual([last]), { timeout: 10_000 })
    expect(lockups).toBe(6)
    expect(await rejection(sandbox.rpc.call('id'))).toBe(last)
    expect(await programs(sandbox)).toBe(0)
    expect(sandbox.state).toBe('ready')
    await sandbox.reload()
    expect(await sandbox.rpc.call('id')).toBeTypeOf('number')
  })

  it('of a program that cannot be loaded any more is an error, and the sandbox lives', async () => {
    const source = `
      const fs = require('fs')
      if (fs.existsSync('/tmp/seen')) throw new Error('seen before')
      fs.writeFileSync('/tmp/seen', '')
      rpc.expose('lock', () => { while (1); })
    `
    const sandbox = await started({ program: writeProgram(source), permissions: ['fs'], onLockup: 'restart', timeouts })
    const failure = new Promise((resolve) => sandbox.once('error', resolve))
    expect(await rejection(sandbox.rpc.call('lock'))).toMatchObject({ details: { reason: 'lockup' } })
    expect(await failure).toMatchObject({
      code: 'ERR_PROGRAM',
      message: expect.stringContaining('seen before') as string,
    })
    expect(await rejection(sandbox.rpc.call('x'))).toBe(await failure)
    expect(await sandbox.run('echo', ['alive'])).toMatchObject({ stdout: 'alive\n' })
  })

  it('does nothing by default: a listener may reload itself', async () => {
    const sandbox = await started({ program: writeProgram(LOCKING), timeouts })
    const reloaded = new Promise<void>((resolve, reject) => {
      sandbox.once('lockup', () => void sandbox.reload().then(resolve, reject))
    })
    expect(await rejection(sandbox.rpc.call('lock'))).toMatchObject({ details: { reason: 'reload' } })
    await reloaded
    expect(await sandbox.rpc.call('id')).toBeTypeOf('number')
  })
})

it('a traced program can be reloaded', async () => {
  const sandbox = await started({ program: writeProgram(PROGRAM), trace: true })
  const id = await sandbox.rpc.call('id')
  for (let round = 0; round < 3; round += 1) await sandbox.reload()
  expect(await sandbox.rpc.call('id')).not.toBe(id)
  expect(sandbox.state).toBe('ready')
})
