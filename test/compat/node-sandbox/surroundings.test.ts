import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { engine } from '../../helpers/sandboxes.js'
import { writeProgram } from '../../helpers/programs.js'
import { setup } from '../../helpers/build-setup.js'
import { make, next, ready } from './run.js'

const fixture = (name: string) => join(import.meta.dirname, '../../fixtures/node-sandbox', name)

describe('what a program finds', () => {
  it('are rpc, console, timers, parentStream and a small process; no require', async () => {
    const sandbox = await ready(`
      var top = 'a global'
      rpc.expose('types', function (names) { return names.map(function (name) { return typeof globalThis[name] }) })
      rpc.expose('native', function () { return [rpc.call('x') instanceof Promise, String(Promise).includes('native')] })`)
    const names = 'rpc console setTimeout parentStream process Buffer require module exports __dirname top'.split(' ')
    expect(await sandbox.rpc.call('types', [names])).toEqual([
      ...['object', 'object', 'function', 'object', 'object', 'function'],
      ...['undefined', 'undefined', 'undefined', 'undefined', 'string'],
    ])
    // (g)
    expect(await sandbox.rpc.call('native')).toEqual([true, true])
  })

  it('NS-D10 is no way to modules, to the environment of the host, or to its command line', async () => {
    process.env['NODE_SANDBOX_SECRET'] = 'secret'
    const sandbox = await ready(`
      rpc.expose('probe', function () {
        return [typeof process.mainModule, typeof process.binding, typeof process.getBuiltinModule, typeof process.kill,
          typeof process.dlopen, JSON.stringify([process.env, process.argv, process.execPath])]
      })
      rpc.expose('import', function () { return import('fs').then(String, function (e) { return 'refused' }) })`)
    const [text, ...types] = ((await sandbox.rpc.call('probe')) as string[]).reverse()
    expect(types).toEqual(Array(5).fill('undefined'))
    expect(text).not.toMatch(/secret|\/work|\/root|plugins/)
    expect(await sandbox.rpc.call('import')).toBe('refused')
  })

  it('are the modules that permissions name, by their names or by those of their bindings', async () => {
    const source = `rpc.expose('has', function (name) { return Object.keys(require(name)).length > 0 })`
    const sandbox = await ready(source, {
      permissions: ['fs', 'tcp_wrap', 'node:path', 'require', 'natives', 'nonsense'],
    })
    for (const name of ['fs', 'node:fs', 'fs/promises', 'net', 'path']) {
      expect(await sandbox.rpc.call('has', [name]), name).toBe(true)
    }
    for (const name of ['child_process', 'vm', 'process', 'stream', './x', 'constructor']) {
      await expect(sandbox.rpc.call('has', [name]), name).rejects.toThrow(`Module '${name}' is not permitted`)
    }
  })
})

describe('ping() and lockups', () => {
  it('NS-D2 ping() resolves with the latency', async () => {
    const sandbox = await ready('', { ping_interval: -1 })
    expect(await sandbox.ping()).toBeGreaterThan(0)
  })

  it('NS-D15 the program can neither take the ping away nor answer it', async () => {
    const sandbox = await ready(`
      rpc.expose('rpc.ping', function () { throw new Error('mine') })
      rpc.exposeObject({ ping: function () { throw new Error('mine') }, call: function () {} })
      rpc.expose('there', function () { return typeof rpc._exposedObject.ping })`)
    expect(await sandbox.rpc.call('there')).toBe('function')
    expect(await sandbox.ping()).toBeGreaterThan(0)
  })

  it('NS-D15 a lockup is told once, and pings stop with it', async () => {
    const sandbox = await ready(`rpc.expose('loop', function () { while (true) {} })`, {
      ping_interval: 10,
      lockup_timeout: 1_000,
    })
    let lockups = 0
    sandbox.on('lockup', () => (lockups += 1))
    void sandbox.rpc.call('loop')
    await next(sandbox, 'lockup')
    let pings = 0
    sandbox.on('ping', () => (pings += 1))
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect([lockups, pings]).toEqual([1, 0])
  })

  it.each([-1, 0])('NS-D8 startup_timeout %i is none', async (startup_timeout) => {
    const sandbox = make('', { startup_timeout })
    let lockups = 0
    sandbox.on('lockup', () => (lockups += 1))
    sandbox.run()
    await next(sandbox, 'ready')
    expect(lockups).toBe(0)
  })

  it('NS-D8 no lockup follows exit', async () => {
    const sandbox = make('process.exit(0)', { startup_timeout: 6_000 })
    const over = new Promise((resolve) => setTimeout(resolve, 6_300))
    sandbox.run()
    expect(await next(sandbox, 'exit')).toEqual([0, null])
    let lockups = 0
    sandbox.on('lockup', () => (lockups += 1))
    await over
    expect(lockups).toBe(0)
  })

  it('NS-T11 not ready in time is a lockup, then exit', async () => {
    const sandbox = make('', { startup_timeout: 1 })
    const order: string[] = []
    for (const name of ['ready', 'lockup', 'exit', 'error'] as const) sandbox.on(name, () => order.push(name))
    sandbox.run()
    await next(sandbox, 'exit')
    expect(order).toEqual(['lockup', 'exit'])
  })

  it('a negative ping_interval or lockup_timeout finds none', async () => {
    for (const options of [{ ping_interval: -1 }, { ping_interval: 10, lockup_timeout: -1 }]) {
      const sandbox = await ready('while (true) {}', { lockup_timeout: 20, ...options })
      let lockups = 0
      sandbox.on('lockup', () => (lockups += 1))
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(lockups).toBe(0)
    }
  })
})

describe('getStream() and parentStream', () => {
  it('carry bytes of a protocol of the own, both ways, beside the calls', async () => {
    const sandbox = await ready(`
      parentStream.setEncoding('utf8')
      parentStream.on('data', function (text) { parentStream.write(text.toUpperCase()) })
      parentStream.on('end', function () { parentStream.end('bye') })
      rpc.expose('one', function () { return 1 })`)
    const stream = sandbox.getStream()
    stream.setEncoding('utf8')
    stream.write('hello, ')
    stream.end('world; ')
    let text = ''
    stream.on('data', (chunk: string) => (text += chunk))
    await once(stream, 'end')
    expect(text).toBe('HELLO, WORLD; bye')
    expect(await sandbox.rpc.call('one')).toBe(1)
  })

  it('carry more than fits into one message, and wait for the reader', async () => {
    const sandbox = await ready(`parentStream.on('data', function (chunk) { parentStream.write(chunk) })`)
    const stream = sandbox.getStream()
    const sent = Buffer.alloc(3_000_000, 'abc')
    stream.write(sent)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    await expect.poll(() => chunks.reduce((sum, { length }) => sum + length, 0), { timeout: 20_000 }).toBe(sent.length)
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  })

  it('NS-D5 survive the end of the sandbox', async () => {
    const sandbox = await ready('')
    const stream = sandbox.getStream()
    const exit = next(sandbox, 'exit')
    sandbox.kill()
    stream.write('nobody')
    await exit
    stream.write('nobody')
  })
})

describe('the sandbox around the program', () => {
  it('NS-D16 has limits of memory, processes and network, and nothing of the host', async () => {
    const sandbox = await ready('', { sandbox: { limits: { memoryBytes: 128 * 1024 * 1024 } } })
    const container = sandbox._process
    const info = await engine.getContainer(container?.containerId ?? '').inspect()
    expect(info.HostConfig.Memory).toBe(128 * 1024 * 1024)
    expect(info.HostConfig.PidsLimit).toBeGreaterThan(0)
    expect(info.HostConfig.NetworkMode).toBe('none')
    expect(info.Config.Env?.join()).not.toContain(process.env['HOME'] ?? '?')
  })

  it('an engine that is not there is an error, or without a listener a text on stderr; then exit', async () => {
    const { DockerDriver } = await import('../../../src/index.js')
    const driver = new DockerDriver({ host: 'unix:///nowhere/docker.sock' })
    for (const name of ['error', 'stderr'] as const) {
      const sandbox = make('', { sandbox: { driver } })
      const told = next(sandbox, name)
      const exit = next(sandbox, 'exit')
      sandbox.run()
      expect(String((await told)[0])).toMatch(/EngineUnavailableError/)
      expect(await exit).toEqual([null, null])
      expect(sandbox._process).toBeNull()
    }
  })

  describe('of the built package', () => {
    beforeAll(setup)

    it('NS-D16 ends when the host is killed', async () => {
      const host = spawn(process.execPath, [fixture('host.mjs'), writeProgram('while (true) {}')])
      const id = String((await once(host.stdout, 'data'))[0]).trim()
      const running = async () => (await engine.listContainers()).some(({ Id }) => Id === id)
      expect(await running()).toBe(true)
      host.kill('SIGKILL')
      await expect.poll(running, { timeout: 30_000, interval: 200 }).toBe(false)
    })

    it('NS-D17 is loaded by require, and leaves no globals', async () => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [fixture('old-import.cjs')])
      expect({ stdout, stderr: stderr.replace(/^.*ExperimentalWarning.*\n.*\n/, '') }).toEqual({
        stdout: '0\n',
        stderr: '',
      })
    })
  })
})
