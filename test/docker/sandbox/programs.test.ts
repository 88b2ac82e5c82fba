import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  ContainerSandbox,
  ProgramError,
  ProtocolError,
  type RpcError,
  SandboxExitedError,
  StartupError,
  type SandboxOptions,
} from '../../../src/index.js'
import { fixtureProgram, writeProgram } from '../../helpers/programs.js'
import { containersOf, rejection } from '../../helpers/sandboxes.js'
import { heldBytes } from '../../helpers/memory.js'

const made: ContainerSandbox[] = []
const make = (program: string, options: SandboxOptions = {}) => {
  const sandbox = new ContainerSandbox({ program, ...options })
  made.push(sandbox)
  return sandbox
}
const started = async (program: string, options: SandboxOptions = {}) => {
  const sandbox = make(program, options)
  await sandbox.start()
  return sandbox
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
})

/** What `start()` rejects with, after a look that nothing is left. */
async function refusal(program: string, options: SandboxOptions = {}): Promise<unknown> {
  const sandbox = make(program, options)
  const error = await rejection(sandbox.start())
  expect(sandbox.state).toBe('exited')
  expect(await containersOf(sandbox.id)).toEqual([])
  return error
}

describe('a program that cannot be loaded is a typed error, and nothing is left', () => {
  it.each<[string, string, RegExp, object]>([
    ['has a syntax error', 'let = = 1', /has a syntax error: SyntaxError/, { kind: 'syntax' }],
    ['throws', 'throw new TypeError("at load")', /threw while it was loaded: TypeError: at load/, { kind: 'throw' }],
    ['throws no error', 'throw null', /threw while it was loaded: thrown: null/, { kind: 'throw' }],
    ['throws control characters', 'throw new Error("\\u001b[31m")', /\\u001b\[31m/, { kind: 'throw' }],
    ['calls for a module', 'require("fs")', /threw while it was loaded: ReferenceError: require/, { kind: 'throw' }],
    ['exits', 'process.exit(3)', /threw while it was loaded|program ended/, {}],
  ])('%s', async (_name, source, message, details) => {
    const error = (await refusal(writeProgram(source))) as ProgramError
    expect(error).toBeInstanceOf(ProgramError)
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject(details)
  })

  it('ends the process while it is loaded', async () => {
    const program = writeProgram('require("process").exit(3)')
    const error = await refusal(program, { permissions: ['process'] })
    expect(error).toBeInstanceOf(ProgramError)
    expect(error).toMatchObject({ message: expect.stringContaining('exit code 3') as string, details: { exitCode: 3 } })
  })

  it('tells line and column of the program, and no path of the supervisor', async () => {
    const error = (await refusal(writeProgram('\n\n  throw new Error("third line")'))) as ProgramError
    expect(error.details['stack']).toMatch(/program\.js:3:9/)
    expect(error.details['stack']).not.toContain('.sandbox')
  })

  it('never returns, or awaits what never comes', async () => {
    // Together, because both take the whole time; and it has to be enough for all that comes before.
    const timeouts = { startupMs: 5_000 }
    const programs = [writeProgram('for (;;) {}'), writeProgram('await new Promise(() => {})', 'p.mjs')]
    for (const error of await Promise.all(programs.map((program) => refusal(program, { timeouts })))) {
      expect(error).toBeInstanceOf(StartupError)
      expect(error).toMatchObject({ retryable: false, message: expect.stringContaining('never returned') as string })
    }
  })

  it('is missing, a folder, a FIFO, a device, no text, or too large', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'no-program-'))
    try {
      execFileSync('mkfifo', [join(folder, 'fifo')])
      const cases: [string, RegExp][] = [
        [join(folder, 'nothing'), /ENOENT/],
        [folder, /no regular file/],
        [join(folder, 'fifo'), /no regular file/],
        ['/dev/zero', /no regular file/],
        [writeProgram(Buffer.from([0x61, 0xff, 0xfe])), /not UTF-8/],
        [writeProgram(Buffer.alloc(9_000_000, 0x20)), /larger than 8388608 bytes/],
      ]
      for (const [program, message] of cases) {
        const error = await refusal(program)
        expect(error, program).toBeInstanceOf(ProgramError)
        expect((error as Error).message).toMatch(message)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('what a program may load', () => {
  const globals = { program: fixtureProgram('values.js') }

  it('is nothing without permissions', async () => {
    const sandbox = await started(globals.program)
    expect(await sandbox.rpc.call('globals')).toEqual(['undefined', 'undefined', 'object', 'object'])
  })

  it('is what the permissions name, and the error for the rest says so', async () => {
    const source = `
      const attempt = (name) => { try { return typeof require(name) } catch (error) { return [error.code, error.message] } }
      rpc.expose('attempt', attempt)
      rpc.expose('dynamic', async (name) => typeof (await import(name)).default)
      rpc.expose('write', (text) => { require('node:fs').writeFileSync('/tmp/x', text); return require('fs').readFileSync('/tmp/x', 'utf8') })
    `
    const sandbox = await started(writeProgram(source), { permissions: ['fs'] })
    expect(await sandbox.rpc.call('attempt', ['fs'])).toBe('object')
    expect(await sandbox.rpc.call('attempt', ['node:fs/promises'])).toBe('object')
    expect(await sandbox.rpc.call('dynamic', ['fs'])).toBe('object')
    expect(await sandbox.rpc.call('write', ['żółw'])).toBe('żółw')
    for (const name of ['child_process', 'node:net', './file.js', '/etc/passwd']) {
      const answer = await sandbox.rpc.call<[string, string]>('attempt', [name])
      expect(answer[0]).toBe('ERR_MODULE_NOT_PERMITTED')
      expect(answer[1]).toContain(`'${name}' is not permitted`)
      expect(answer[1]).toContain('permissions: fs')
    }
  })

  it('is imported in a module, with top-level await', async () => {
    const source = `
      import { readFileSync } from 'node:fs'
      import os, { EOL } from 'os'
      const later = await new Promise((resolve) => setTimeout(resolve, 20, 'waited'))
      rpc.expose('facts', () => [typeof readFileSync, EOL, typeof os.cpus, later, import.meta.url.endsWith('.mjs')])
      export const unused = 1
    `
    const sandbox = await started(writeProgram(source, 'module.mjs'), { permissions: ['fs', 'os'] })
    expect(await sandbox.rpc.call('facts')).toEqual(['function', '\n', 'function', 'waited', true])
    expect(await refusal(writeProgram(source, 'module.mjs'), { permissions: ['os'] })).toBeInstanceOf(ProgramError)
  })
})

describe('a program that goes wrong', () => {
  it('ends in the middle of a call: calls are rejected, commands go on', async () => {
    for (const [source, details] of [
      ['rpc.expose("end", () => require("process").exit(7))', { exitCode: 7, signal: null }],
      [
        'rpc.expose("end", () => { setTimeout(() => { throw new Error("later") }) ; return new Promise(() => {}) })',
        { exitCode: 1 },
      ],
      [
        'rpc.expose("end", () => require("process").kill(require("process").pid, "SIGKILL"))',
        { exitCode: null, signal: 'SIGKILL' },
      ],
    ] as const) {
      const sandbox = await started(writeProgram(source), { permissions: ['process'] })
      const errors: unknown[] = []
      sandbox.on('error', (error) => errors.push(error))
      const waiting = rejection(sandbox.rpc.call('end'))
      expect(await waiting).toBeInstanceOf(ProgramError)
      expect(await waiting).toMatchObject({ code: 'ERR_PROGRAM', details })
      expect(await rejection(sandbox.rpc.call('end'))).toBe(await waiting)
      expect(errors).toEqual([await waiting])
      expect(await sandbox.run('echo', ['still here'])).toMatchObject({ stdout: 'still here\n' })
      expect(sandbox.state).toBe('ready')
    }
  })

  it('is killed for memory: the error says so', async () => {
    const source = 'rpc.expose("eat", () => { const all = []; for (;;) all.push(Buffer.alloc(1 << 24, 1)) })'
    const sandbox = await started(writeProgram(source), { limits: { memoryBytes: '200MiB', scratchBytes: '16MiB' } })
    const error = await rejection(sandbox.rpc.call('eat'))
    expect(error).toMatchObject({ code: 'ERR_PROGRAM', details: { signal: 'SIGKILL' } })
    expect((error as ProgramError).details['oomKills']).toBeGreaterThan(0)
  })

  it('locks up: that is told, and the sandbox can be killed', async () => {
    const source = 'rpc.expose("lock", () => { for (;;) {} })'
    const sandbox = await started(writeProgram(source), {
      timeouts: { pingIntervalMs: 100, lockupMs: 2_000, killGraceMs: 500 },
    })
    const lockup = new Promise((resolve) => sandbox.once('lockup', resolve))
    const waiting = rejection(sandbox.rpc.call('lock'))
    expect(await lockup).toMatchObject({ code: 'ERR_LOCKUP', details: { target: 'program' } })
    expect(sandbox.state).toBe('ready')
    expect(await sandbox.run('echo', ['meanwhile'])).toMatchObject({ stdout: 'meanwhile\n' })
    await sandbox.kill()
    expect(await waiting).toMatchObject({ code: 'ERR_SANDBOX_EXITED', reason: 'killed' })
    expect(await containersOf(sandbox.id)).toEqual([])
  })

  it('has as many calls to do as may be pending: that is no lockup', async () => {
    const source = `
      const waiting = []
      rpc.expose('wait', () => new Promise((resolve) => waiting.push(resolve)))
      rpc.expose('go on', () => { for (const resolve of waiting) resolve('done') })
    `
    const sandbox = make(writeProgram(source), { timeouts: { pingIntervalMs: 50, lockupMs: 60_000 } })
    const lockups: unknown[] = []
    sandbox.on('lockup', (error) => lockups.push(error))
    await sandbox.start()
    const calls = Array.from({ length: 1_024 }, () => sandbox.rpc.call('wait'))
    await expect(sandbox.rpc.call('wait')).rejects.toMatchObject({ code: 'ERR_CAPACITY' })
    // Twenty pings later:
    await delay(1_000)
    sandbox.rpc.notify('go on')
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['done']))
    expect(lockups).toEqual([])
  })

  it('is in a call when the sandbox is killed: the call is told how the sandbox ended', async () => {
    const sandbox = await started(fixtureProgram('values.js'))
    const waiting = rejection(sandbox.rpc.call('sleep', [100_000]))
    await delay(50)
    await sandbox.kill()
    expect(await waiting).toMatchObject({ code: 'ERR_SANDBOX_EXITED', reason: 'killed' })
  })

  it('floods notifications: pings, commands and calls are answered', async () => {
    const source = `
      const flood = () => { for (let i = 0; i < 2000; i++) { try { rpc.notify('tick', [i, 'x'.repeat(100)]) } catch {} } setImmediate(flood) }
      rpc.expose('flood', flood)
      rpc.expose('echo', (value) => value)
    `
    const sandbox = make(writeProgram(source))
    let ticks = 0
    sandbox.rpc.expose('tick', () => void (ticks += 1))
    await sandbox.start()
    await sandbox.rpc.call('flood')
    await vi.waitFor(() => expect(ticks).toBeGreaterThan(10_000), 20_000)
    const before = heldBytes()
    let waitedMs = 0
    for (let round = 0; round < 10; round++) {
      waitedMs += await sandbox.ping()
      expect(await sandbox.run('echo', ['x'])).toMatchObject({ exitCode: 0 })
    }
    expect(waitedMs).toBeLessThan(10_000)
    // Its answer stands behind all that it has sent itself; when that is too much, the answer says so.
    const echo = await sandbox.rpc.call('echo', ['late']).catch((error: RpcError) => error.rpcCode)
    expect(['late', -32000]).toContain(echo)
    expect(heldBytes() - before).toBeLessThan(300 * 1024 * 1024)
  })

  it('calls the host and never reads the answers: the memory of the host does not grow without end', async () => {
    const source = `
      const fs = require('fs')
      const frame = (id) => {
        const json = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method: 'large', params: [] }))
        const head = Buffer.alloc(4)
        head.writeUInt32BE(json.length)
        return Buffer.concat([head, json])
      }
      rpc.expose('attack', () => { for (let id = 1000; id < 1600; id++) fs.writeSync(4, frame(id)); for (;;) {} })
    `
    const sandbox = make(writeProgram(source), { permissions: ['fs'], timeouts: { pingIntervalMs: null } })
    const large = 'x'.repeat(4_000_000)
    let calls = 0
    sandbox.rpc.expose('large', () => {
      calls += 1
      return large
    })
    const ended = new Promise((resolve) => sandbox.once('exit', (_code, _signal, error) => resolve(error)))
    await sandbox.start()
    const before = heldBytes()
    const attack = rejection(sandbox.rpc.call('attack'))
    await Promise.race([ended, vi.waitFor(() => expect(calls).toBe(600), 60_000)])
    expect(heldBytes() - before).toBeLessThan(500 * 1024 * 1024)
    await sandbox.kill()
    expect(await attack).toBeInstanceOf(SandboxExitedError)
  })
})

describe('a program that writes to its own channel', () => {
  it.each<[string, string]>([
    ['bytes without sense', "Buffer.from('not a frame at all, but long enough to be read as one')"],
    ['a giant length', 'Buffer.from([0xff, 0xff, 0xff, 0xff])'],
    ['no JSON', "message('{')"],
    ['invalid UTF-8', 'message(Buffer.from([0x22, 0xff, 0x22]))'],
    ['a batch', "message('[]')"],
    ['an answer that nobody asked for', `message('{"jsonrpc":"2.0","id":999,"result":1}')`],
    ['a message of 100 levels', "message('['.repeat(100) + ']'.repeat(100))"],
    ['both result and error', `message('{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}')`],
  ])('%s: ends its sandbox with a typed error', async (_name, bytes) => {
    const source = `
      const message = (json) => { const text = Buffer.from(json); const head = Buffer.alloc(4); head.writeUInt32BE(text.length); return Buffer.concat([head, text]) }
      rpc.expose('attack', () => { require('fs').writeSync(4, ${bytes}); return new Promise(() => {}) })
    `
    const sandbox = await started(writeProgram(source), { permissions: ['fs'] })
    const exited = new Promise<SandboxExitedError>((resolve) => sandbox.once('exit', (_c, _s, error) => resolve(error)))
    const errors: unknown[] = []
    sandbox.on('error', (error) => errors.push(error))
    const pending = rejection(sandbox.rpc.call('attack'))
    const command = sandbox.run('sleep', ['100'])
    const error = await exited
    expect(error).toMatchObject({ reason: 'protocol', cause: expect.any(ProtocolError) as unknown })
    expect(errors).toEqual([error.cause])
    expect(await pending).toBe(error)
    expect(await command).toMatchObject({ outcome: 'lost', error })
    expect(await containersOf(sandbox.id)).toEqual([])
  })
})
