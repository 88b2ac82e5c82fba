import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  ContainerSandbox,
  definePlugin,
  PluginError,
  type PluginExit,
  type PluginHostHooks,
  type SandboxError,
  type SandboxOptions,
  type TraceEvent,
} from '../../../src/index.js'
import { writeProgram } from '../../helpers/programs.js'
import { containersOf, rejection } from '../../helpers/sandboxes.js'

const made: ContainerSandbox[] = []
const make = (options: SandboxOptions) => {
  const sandbox = new ContainerSandbox(options)
  made.push(sandbox)
  return sandbox
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
})

/** What `start()` rejects with, after a look that nothing is left. */
async function refusal(options: SandboxOptions): Promise<PluginError> {
  const sandbox = make(options)
  const error = await rejection(sandbox.start())
  expect(error).toBeInstanceOf(PluginError)
  expect(sandbox.state).toBe('exited')
  expect(await containersOf(sandbox.id)).toEqual([])
  return error as PluginError
}

const host = (hooks: PluginHostHooks) => definePlugin({ name: 'p', host: hooks as PluginHostHooks<never> })
const guest = (source: string, name = 'guest.js') => definePlugin({ name: 'p', guest: writeProgram(source, name) })
const program = writeProgram('rpc.expose("ping", () => "pong")')

describe('the life of a sandbox', () => {
  /** A plugin that writes everything down, on both sides. */
  function recorder(name: string, log: string[], depends: string[] = []) {
    const note = (what: string) => void log.push(`${name} ${what}`)
    return definePlugin({
      name,
      depends,
      host: (context) => {
        context.rpc.expose(`${name}.note`, (what: string) => note(what))
        return {
          beforeLaunch: () => note('beforeLaunch'),
          onSpawn: async () => {
            await delay(5)
            note('onSpawn')
          },
          startData: () => ({ told: `to ${name}` }),
          onError: (chunk) => note(`onError ${chunk.toString().trim()}`),
          onKill: () => note('onKill'),
          onExit: ({ error }) => note(`onExit ${error.reason}`),
        }
      },
      guest: writeProgram(`module.exports = ({ rpc, plugin, startData }) => {
        const note = (what) => rpc.call(plugin + '.note', [what])
        note('guest ' + JSON.stringify(startData))
        return {
          afterLoad: (source) => note('afterLoad ' + source.includes('pong')),
          execute: () => note('execute'),
          loadError: (error) => note('loadError ' + error.message),
        }
      }`),
    })
  }

  test('hooks of both sides come in the order of the plugins, and start data reaches the guest', async () => {
    const log: string[] = []
    const plugins = [recorder('b', log, ['a']), recorder('a', log)]
    const speaking = writeProgram(
      'console.error("words"); rpc.notify("a.note", ["program"]); rpc.expose("pong", () => 1)',
    )
    const sandbox = make({ program: speaking, plugins })
    sandbox.on('stderr', () => log.push('event stderr'))
    sandbox.on('exit', () => log.push('event exit'))
    sandbox.on('ready', () => log.push('event ready'))
    await sandbox.start()
    expect(await sandbox.rpc.call('pong')).toBe(1)
    await sandbox.kill()
    // The program's outputs and its channel are streams of their own.
    expect(log.filter((entry) => !/stderr|onError/.test(entry))).toEqual([
      ...['a beforeLaunch', 'b beforeLaunch', 'a onSpawn', 'b onSpawn'],
      ...['a guest {"told":"to a"}', 'b guest {"told":"to b"}', 'a afterLoad true', 'b afterLoad true'],
      ...['a program', 'a execute', 'b execute', 'event ready'],
      ...['a onKill', 'b onKill', 'a onExit killed', 'b onExit killed', 'event exit'],
    ])
    expect(log.filter((entry) => /stderr|onError/.test(entry))).toEqual([
      'a onError words',
      'b onError words',
      'event stderr',
    ])
  })

  test('a program that fails to load is told to the guest parts, and what start() fails with stays the program', async () => {
    const log: string[] = []
    const sandbox = make({ program: writeProgram('throw new Error("no pong")'), plugins: [recorder('a', log)] })
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'ERR_PROGRAM' })
    expect(log.slice(2)).toEqual([
      'a guest {"told":"to a"}',
      'a afterLoad true',
      'a loadError Error: no pong',
      'a onExit startup',
    ])
  })

  test('a reloaded program has its guest parts again, with new start data', async () => {
    let loads = 0
    const plugin = definePlugin({
      name: 'p',
      host: { startData: () => ({ load: ++loads }) },
      guest: writeProgram('module.exports = ({ rpc, startData }) => { rpc.expose("load", () => startData.load) }'),
    })
    const sandbox = make({ program, plugins: [plugin] })
    await sandbox.start()
    expect(await sandbox.rpc.call('load')).toBe(1)
    await sandbox.reload()
    expect(await sandbox.rpc.call('load')).toBe(2)
  })

  test('a sandbox without a program runs the host part alone', async () => {
    const log: string[] = []
    const sandbox = make({ plugins: [recorder('a', log)] })
    await sandbox.start()
    expect((await sandbox.run('true')).exitCode).toBe(0)
    await sandbox.kill()
    expect(log).toEqual(['a beforeLaunch', 'a onSpawn', 'a onKill', 'a onExit killed'])
  })

  test('an end that nobody asked for is told without onKill', async () => {
    const exits: PluginExit[] = []
    const plugin = host({
      onKill: () => expect.fail('nobody killed it'),
      onExit: (exit) => void exits.push(exit),
    })
    const sandbox = make({ plugins: [plugin], limits: { lifetimeMs: 4_000 } })
    await sandbox.start()
    await new Promise((resolve) => sandbox.once('exit', resolve))
    expect(exits).toMatchObject([{ exitCode: 124, error: { reason: 'lifetime' } }])
  })

  test('a guest part that is a module', async () => {
    const plugin = guest(
      'import os from "node:os"; export default { execute: () => console.log(os.EOL.length) }',
      'g.mjs',
    )
    const sandbox = make({ program, plugins: [plugin] })
    const output = new Promise<string>((resolve) => sandbox.once('stdout', (chunk) => resolve(chunk.toString())))
    await sandbox.start()
    expect(await output).toBe('1\n')
  })
})

describe('options', () => {
  test('what beforeLaunch tightens is in force', async () => {
    const plugin = host({
      beforeLaunch: ({ limits }) => ({
        limits: { pids: Math.min(limits.pids, 64), outputBytes: 10 },
        timeouts: { callMs: 1_500 },
        permissions: [],
        env: { ADDED: 'by a plugin' },
      }),
    })
    const asking = writeProgram(
      'rpc.expose("has", () => typeof require); rpc.expose("never", () => new Promise(() => {}))',
    )
    const sandbox = make({ program: asking, plugins: [plugin], permissions: ['fs'], limits: { pids: 200 } })
    await sandbox.start()
    expect((await sandbox.isolation()).kernel.cgroup).toMatchObject({ pids: 64 })
    expect((await sandbox.shell('echo $ADDED; yes | head -c 100')).stdout).toHaveLength(10)
    expect(await sandbox.rpc.call('has')).toBe('undefined')
    await expect(sandbox.rpc.call('never')).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT' })
  })

  test('what it loosens is refused before anything is made', async () => {
    const error = await refusal({ plugins: [host({ beforeLaunch: () => ({ network: 'bridge' }) })] })
    expect(error).toMatchObject({ plugin: 'p', hook: 'beforeLaunch', details: { field: 'network' } })
  })

  test('NS-D17 the options of a plugin are shared by no two sandboxes, and checked by its schema', async () => {
    const given = { words: ['one'] }
    const seen: { words: string[]; times: number }[] = []
    const plugin = definePlugin({
      name: 'typed',
      options: z.object({ words: z.array(z.string()), times: z.number().default(2) }),
      host: { onSpawn: ({ options }) => void seen.push(options) },
    })
    const sandboxes = [1, 2].map(() => make({ plugins: [{ plugin, options: given }] }))
    for (const sandbox of sandboxes) {
      await sandbox.start()
      seen.at(-1)?.words.push('more')
    }
    given.words.push('later')
    expect(seen).toEqual([
      { words: ['one', 'more'], times: 2 },
      { words: ['one', 'more'], times: 2 },
    ])
    expect(() => make({ plugins: [{ plugin, options: { words: [1] } }] })).toThrow(/plugins\[0\]\.options\.words\[0\]/)
    expect(() => make({ plugins: [plugin] })).toThrow(/the plugin 'typed' takes as options/)
  })
})

describe('a hook that throws or hangs is a typed error that names it', () => {
  const timeouts = { hookMs: 150 }
  const hang = () => new Promise<never>(() => undefined)
  const fail = () => {
    throw new Error('no\u001b[31m luck')
  }

  test.each(['beforeLaunch', 'onSpawn', 'startData'] as const)('%s of the host', async (hook) => {
    const withGuest = (hooks: PluginHostHooks) =>
      definePlugin({ name: 'p', host: hooks as PluginHostHooks<never>, guest: writeProgram('') })
    const thrown = await refusal({ program, plugins: [withGuest({ [hook]: fail })] })
    expect(thrown).toMatchObject({ plugin: 'p', hook, code: 'ERR_PLUGIN' })
    expect(thrown.message).toBe(`the plugin 'p' failed in its hook ${hook}: no\\u001b[31m luck`)
    const hung = await refusal({ program, plugins: [withGuest({ [hook]: hang })], timeouts })
    expect(hung).toMatchObject({ plugin: 'p', hook, details: { deadlineMs: 150 } })
    expect(hung.message).toMatch(/did not return within 150 ms/)
  })

  test.each<[string, string, string]>([
    ['the file', 'throw new Error("no luck")', 'guest'],
    ['the file, by a syntax error', 'let = = 1', 'guest'],
    ['the file, by what it exports', 'module.exports = { execute: 1 }', 'guest'],
    ['afterLoad', 'module.exports = { afterLoad() { throw new Error("no luck") } }', 'afterLoad'],
    ['execute', 'module.exports = { async execute() { throw new Error("no luck") } }', 'execute'],
  ])('%s of the guest throws', async (_name, source, hook) => {
    const error = await refusal({ program, plugins: [guest(source)] })
    expect(error).toMatchObject({ plugin: 'p', hook })
    expect(error.details['stack']).toMatch(/guest\.js|must be a function/)
  })

  test.each<[string, string, string]>([
    ['the file', 'module.exports = () => new Promise(() => {})', 'guest'],
    ['afterLoad', 'module.exports = { afterLoad: () => new Promise(() => {}) }', 'afterLoad'],
    ['execute, and never gives the process back', 'module.exports = { execute() { for (;;); } }', 'execute'],
  ])('%s of the guest hangs', async (_name, source, hook) => {
    // The deadline holds for each stage of the guest part, and the first of them comes with the start of its process.
    const error = await refusal({ program, plugins: [guest(source)], timeouts: { hookMs: 1_500 } })
    expect(error).toMatchObject({ plugin: 'p', hook, details: { deadlineMs: 1_500 } })
  })

  test('a guest part that ends the process, and start data that is no JSON', async () => {
    const ends = guest('require("process").exit(3)')
    expect(await refusal({ program, plugins: [ends] })).toMatchObject({ plugin: 'p', hook: 'guest' })
    const plugin = definePlugin({ name: 'p', host: { startData: () => ({ n: 1n }) }, guest: writeProgram('') })
    expect(await refusal({ program, plugins: [plugin] })).toMatchObject({ plugin: 'p', hook: 'startData' })
  })

  test.each(['onKill', 'onExit'] as const)('%s holds up the end for its deadline at most', async (hook) => {
    const errors: SandboxError[] = []
    const second: string[] = []
    const plugins = [
      host({ [hook]: hang }),
      definePlugin({ name: 'second', host: { onExit: () => void second.push('told') } }),
    ]
    const sandbox = make({ plugins, timeouts })
    sandbox.on('error', (error) => errors.push(error))
    await sandbox.start()
    await sandbox.kill()
    expect(sandbox.state).toBe('exited')
    expect(await containersOf(sandbox.id)).toEqual([])
    expect(errors).toMatchObject([{ code: 'ERR_PLUGIN', plugin: 'p', hook }])
    await expect.poll(() => second).toEqual(['told'])
  })

  test('onError fails once for the listener, however often the guest makes it fail', async () => {
    const errors: SandboxError[] = []
    let calls = 0
    const plugin = host({
      onError: () => {
        calls += 1
        fail()
      },
    })
    const loud = writeProgram('rpc.expose("say", (word) => { console.error(word) })')
    const sandbox = make({ program: loud, plugins: [plugin] })
    sandbox.on('error', (error) => errors.push(error))
    await sandbox.start()
    for (const word of ['one', 'two', 'three']) {
      const before = calls
      await sandbox.rpc.call('say', [word])
      await expect.poll(() => calls).toBeGreaterThan(before)
    }
    expect(errors).toMatchObject([{ code: 'ERR_PLUGIN', plugin: 'p', hook: 'onError' }])
    expect(sandbox.state).toBe('ready')
  })

  test('a kill during a hanging hook does not wait for it', async () => {
    const sandbox = make({ plugins: [host({ beforeLaunch: hang })] })
    const starting = rejection(sandbox.start())
    await sandbox.kill()
    expect(await starting).toMatchObject({ code: 'ERR_SANDBOX_EXITED', reason: 'killed' })
  })
})

describe('onTraceEvent', () => {
  test('is told what a traced sandbox does, each event after the one before, and all before onExit', async () => {
    const files: string[] = []
    let isBusy = false
    let atExit = -1
    const plugin = host({
      onTraceEvent: async (event) => {
        expect(isBusy).toBe(false)
        isBusy = true
        await delay(0)
        isBusy = false
        if (event.kind === 'access' && event.path?.startsWith('/tmp/seen')) files.push(event.path)
      },
      onExit: () => void (atExit = files.length),
    })
    const sandbox = make({ plugins: [plugin], trace: true })
    await sandbox.start()
    await sandbox.shell('echo > /tmp/seen1; echo > /tmp/seen2')
    await sandbox.kill()
    expect(files).toEqual(expect.arrayContaining(['/tmp/seen1', '/tmp/seen2']))
    expect(atExit).toBe(files.length)
  })

  test('one that fails neither ends the sandbox nor misses the next event', async () => {
    const errors: SandboxError[] = []
    const seqs: number[] = []
    const plugin = host({
      onTraceEvent: (event) => {
        seqs.push((event as TraceEvent).seq)
        throw new Error('no luck')
      },
    })
    const sandbox = make({ plugins: [plugin], trace: true })
    sandbox.on('error', (error) => errors.push(error))
    await sandbox.start()
    expect((await sandbox.run('true')).exitCode).toBe(0)
    await sandbox.kill()
    expect(seqs.length).toBeGreaterThan(5)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    expect(errors).toMatchObject([{ plugin: 'p', hook: 'onTraceEvent' }])
  })

  test('a plugin can tighten a sandbox to a traced one and end it for what it sees', async () => {
    const plugin = host({
      beforeLaunch: () => ({ trace: true }),
      onTraceEvent: (event, { kill }) => {
        if (event.kind === 'access' && event.path === '/tmp/forbidden') void kill()
      },
    })
    const sandbox = make({ plugins: [plugin] })
    await sandbox.start()
    const ended = new Promise((resolve) => sandbox.once('exit', resolve))
    await sandbox.shell('echo > /tmp/forbidden; sleep 100').catch(() => undefined)
    await ended
    expect(sandbox.state).toBe('exited')
  })
})
