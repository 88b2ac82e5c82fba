import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  CallTimeoutError,
  ContainerSandbox,
  InvalidOptionsError,
  ProgramError,
  SandboxExitedError,
  type SandboxOptions,
} from '../../../src/index.js'
import { writeProgram } from '../../helpers/programs.js'
import { containersOf, rejection } from '../../helpers/sandboxes.js'
import { heldBytes } from '../../helpers/memory.js'

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
const folders: string[] = []
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A methods file from the text of its members. */
const methodsFile = (members: string) => writeProgram(`exports.methods = {${members}}`, 'methods.js')

/** A home with these files; a name that ends in `->` is a link. */
function writeHome(files: Readonly<Record<string, string>>): string {
  const home = mkdtempSync(join(tmpdir(), 'home-'))
  folders.push(home)
  for (const [name, content] of Object.entries(files)) {
    const path = join(home, name.replace(/->$/, ''))
    mkdirSync(dirname(path), { recursive: true })
    if (name.endsWith('->')) symlinkSync(content, path)
    else writeFileSync(path, content)
  }
  return home
}

describe('actions', () => {
  it('give back what functions return, and messages come as they are sent', async () => {
    const methods = methodsFile(`
      'add two': (data) => data.n + 2,
      later: async (data) => ({ got: data }),
      tell: (data) => { process.send({ action: 'told', data }); process.send('second') },
    `)
    const sandbox = await started({ methods })
    const messages: unknown[] = []
    sandbox.on('message', (message) => messages.push(message))
    expect(await sandbox.action('add two', { n: 40 })).toBe(42)
    expect(await sandbox.action('later')).toEqual({})
    expect(await sandbox.action('later', ['ä', null])).toEqual({ got: ['ä', null] })
    expect(await sandbox.action('tell', [1])).toBeUndefined()
    await vi.waitFor(() => expect(messages).toEqual([{ action: 'told', data: [1] }, 'second']), { timeout: 10_000 })
  })

  it('wait until the file is loaded, and live beside a program', async () => {
    const methods = methodsFile('hello: (name) => rpc.call("greeting", [name])')
    const program = writeProgram('rpc.expose("hello", () => "from the program")')
    const sandbox = make({ methods, program })
    sandbox.rpc.expose('greeting', (name: string) => `hello ${name}`)
    const early = sandbox.action('hello', 'bob')
    await sandbox.start()
    expect(await early).toBe('hello bob')
    expect(await sandbox.rpc.call('hello')).toBe('from the program')
  })

  it('that do not exist are no methods, whatever their name', async () => {
    const sandbox = await started({ methods: methodsFile('known: () => 1, number: () => 2') })
    for (const name of ['nothing', 'constructor', '__proto__', 'toString', 'hasOwnProperty', '$/load', 'known.x']) {
      const error = await rejection(sandbox.action(name, {}))
      expect(error, name).toMatchObject({ code: 'ERR_RPC', rpcCode: -32601 })
    }
    for (const name of ['', 'x'.repeat(257), 5 as unknown as string])
      expect(await rejection(sandbox.action(name))).toBeInstanceOf(InvalidOptionsError)
    expect(await sandbox.action('known')).toBe(1)
    const without = await started({ program: writeProgram('') })
    expect(await rejection(without.action('\u001b[31m'))).toMatchObject({
      rpcCode: -32601,
      message: expect.stringMatching(/^there is no action '\\u001b\[31m': this sandbox has no methods file/) as string,
    })
  })

  it('that throw or never return fail alone', async () => {
    const methods = methodsFile(`
      throws: () => { throw new RangeError('too far') },
      later: () => { setTimeout(() => process.send('still here'), 20) },
      never: () => new Promise(() => {}),
      fine: () => 'fine',
    `)
    const sandbox = await started({ methods, timeouts: { callMs: 1_500 } })
    expect(await rejection(sandbox.action('throws'))).toMatchObject({ rpcCode: -32603, message: 'too far' })
    const late = await rejection(sandbox.action('never'))
    expect(late).toBeInstanceOf(CallTimeoutError)
    expect(late).toMatchObject({
      message: "the action 'never' did not answer within 1500 ms",
      details: { method: 'never' },
    })
    expect(await rejection(sandbox.action('never', 1, { timeoutMs: 20 }))).toBeInstanceOf(CallTimeoutError)
    const abort = new AbortController()
    const canceled = rejection(sandbox.action('never', 1, { signal: abort.signal }))
    abort.abort(new Error('enough'))
    expect(await canceled).toMatchObject({ message: 'enough' })
    const message = new Promise((resolve) => sandbox.once('message', resolve))
    await sandbox.action('later')
    expect(await message).toBe('still here')
    expect(await sandbox.action('fine')).toBe('fine')
  })

  it('that never end block their own process: deadlines hold, commands go on', async () => {
    const sandbox = await started({
      methods: methodsFile('spin: () => { for (;;) {} }'),
      timeouts: { killGraceMs: 100 },
    })
    expect(await rejection(sandbox.action('spin', 1, { timeoutMs: 200 }))).toBeInstanceOf(CallTimeoutError)
    expect(await rejection(sandbox.action('spin', 1, { timeoutMs: 200 }))).toBeInstanceOf(CallTimeoutError)
    expect(await sandbox.run('echo', ['meanwhile'])).toMatchObject({ stdout: 'meanwhile\n' })
    const pending = rejection(sandbox.action('spin'))
    await sandbox.kill()
    expect(await pending).toBeInstanceOf(SandboxExitedError)
    expect(await rejection(sandbox.action('spin'))).toBe(await pending)
  })

  it('run as the user of the sandbox, in it', async () => {
    const methods = methodsFile('who: () => [process.getuid(), process.getgroups(), require("fs").readdirSync("/")]')
    const home = writeHome({ 'here.txt': '' })
    const sandbox = await started({ methods, permissions: ['process', 'fs'], user: { name: 'actor', home } })
    const [uid, groups, root] = await sandbox.action<[number, number[], string[]]>('who')
    expect(uid).toBe(sandbox.user?.uid)
    expect(groups.filter((gid) => gid !== sandbox.user?.gid)).toEqual([])
    expect(root).toContain('here.txt')
    expect(root).not.toContain('work')
  })

  it('cannot flood the host with messages', async () => {
    const methods = methodsFile(`
      flood: () => { let refused = 0; for (let n = 0; n < 300_000; n++) try { process.send('x'.repeat(1_000)) } catch { refused++ }
        return refused },
      fine: () => 'fine'`)
    const sandbox = await started({ methods })
    let count = 0
    const before = heldBytes()
    let most = 0
    sandbox.on('message', () => {
      count += 1
      if (count % 1_000 === 0) most = Math.max(most, heldBytes() - before)
    })
    const refused = await sandbox.action<number>('flood').catch(() => null)
    expect(most).toBeLessThan(300 * 1024 * 1024)
    expect(refused === null || refused > 0).toBe(true)
    expect(await sandbox.ping()).toBeLessThan(5_000)
    expect(count).toBeGreaterThan(1_000)
    expect(await sandbox.action('fine')).toBe('fine')
  })
})

describe('a methods file that cannot be loaded is a typed error, and nothing is left', () => {
  it.each<[string, string, RegExp, object]>([
    ['has a syntax error', 'exports.methods = {', /methods file '.*' has a syntax error/, { kind: 'syntax' }],
    [
      'throws',
      'throw new Error("at load")',
      /methods file '.*' threw while it was loaded: Error: at load/,
      { kind: 'throw' },
    ],
    ['exports nothing', '', /exports.methods must be an object of functions, got undefined/, { kind: 'throw' }],
    ['exports a number', 'exports.methods = 5', /got number/, { kind: 'throw' }],
    [
      'has no functions',
      'exports.methods = { a: 1 }',
      /the action 'a' must be a function, got number/,
      { kind: 'throw' },
    ],
  ])('%s', async (_name, source, message, details) => {
    const sandbox = make({ methods: writeProgram(source), program: writeProgram('') })
    const error = (await rejection(sandbox.start())) as ProgramError
    expect(error).toBeInstanceOf(ProgramError)
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject({ file: 'methods', ...details })
    expect(await containersOf(sandbox.id)).toEqual([])
  })

  it('is missing', async () => {
    const sandbox = make({ methods: '/there/is/nothing.js' })
    expect(await rejection(sandbox.start())).toMatchObject({
      code: 'ERR_PROGRAM',
      message: expect.stringMatching(/^cannot read the methods file '\/there\/is\/nothing.js': ENOENT/) as string,
      details: { file: 'methods' },
    })
    expect(await containersOf(sandbox.id)).toEqual([])
  })
})

describe('modules of the home', () => {
  const files = {
    'app/main.js': `rpc.expose('get', async () => [require('./lib').name, require('/app/data.json'), require('pack'), (await import('./m.mjs')).default])
      rpc.expose('attempt', (name) => { try { return typeof require(name) } catch (error) { return [error.code, error.message] } })`,
    'app/lib/index.js': 'exports.name = "lib"',
    'app/data.json': '[1]',
    'app/m.mjs': 'export { default } from "pack"',
    'app/passwd.js->': '/etc/passwd',
    'node_modules/pack/index.js': 'module.exports = "pack"',
    'etc/own.json': '"of the home"',
  }

  it('are found from where the program lies in it', async () => {
    const home = writeHome(files)
    const sandbox = await started({
      user: { name: 'modules', home },
      program: join(home, 'app/main.js'),
      permissions: ['home'],
    })
    expect(await sandbox.rpc.call('get')).toEqual(['lib', [1], 'pack', 'pack'])
    expect(await sandbox.rpc.call('attempt', ['/etc/own.json'])).toBe('string')
  })

  it('are found from the top by a program that lies elsewhere', async () => {
    const sandbox = await started({
      user: { name: 'modules', home: writeHome(files) },
      program: writeProgram(`rpc.expose('get', () => [require('./app/lib').name, __dirname])`),
      permissions: ['home'],
    })
    expect(await sandbox.rpc.call('get')).toEqual(['lib', '/'])
  })

  it('are all that there is: files of the base, links out and other built-in modules are refused', async () => {
    const home = writeHome(files)
    const sandbox = await started({
      user: { name: 'modules', home },
      program: join(home, 'app/main.js'),
      permissions: ['home'],
    })
    await sandbox.fs.writeFile('/tmp/scratch.js', '')
    for (const name of [
      '../../etc/passwd',
      '/etc/hostname',
      './passwd.js',
      '/tmp/scratch.js',
      '../usr/bin/node',
      'fs',
    ]) {
      const [code, message] = await sandbox.rpc.call<[string, string]>('attempt', [name])
      expect(code, name).toBe('ERR_MODULE_NOT_PERMITTED')
      expect(message).toMatch(name === 'fs' ? /permissions: home$/ : /lies outside the home$/)
    }
  })

  it('are not the protection: a program gets around the gate, and finds what the container holds, nothing of the host', async () => {
    const home = writeHome(files)
    const program = writeProgram(`
      require('/app/data.json')
      const { constructor: Module } = Object.values(require.cache)[0]
      rpc.expose('around', (path) => {
        const target = {}
        try { Module._extensions['.json'](target, path); return target.exports } catch (error) { return error.code }
      })`)
    const sandbox = await started({ user: { name: 'modules', home }, program, permissions: ['home'] })
    await sandbox.fs.writeFile('/tmp/scratch.json', '"reached"')
    expect(await sandbox.rpc.call('around', ['/tmp/scratch.json'])).toBe('reached')
    expect(await sandbox.rpc.call('around', [join(home, 'app/data.json')])).toBe('ENOENT')
    expect(await sandbox.rpc.call('around', [join(import.meta.dirname, '../../../package.json')])).toBe('ENOENT')
  })
})
