import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SandboxExitedError } from '../../../src/errors.js'
import { PluginHost, type PluginRpc } from '../../../src/plugins/index.js'
import { adaptParentHooks } from '../../../src/plugins/old-style/adapter.js'
import { BaseParentHooks, type ParentHooksClass } from '../../../src/plugins/old-style/base-hooks.js'
import { OldPluginManager } from '../../../src/plugins/old-style/manager.js'
import { parseSandboxOptions } from '../../../src/options/index.js'
import type { PluginContext, PluginManifest } from '../../../src/plugins/types.js'

const folder = resolve(import.meta.dirname, '../../fixtures/plugins/old-style')
const rpc = (): PluginRpc => ({
  expose: () => undefined,
  exposeObject: () => undefined,
  unexpose: () => undefined,
  call: () => Promise.resolve(),
  notify: () => undefined,
})
const contextOf = (options: unknown, sandboxRpc = rpc()): PluginContext => ({
  plugin: 'p',
  sandboxId: 'id',
  options,
  rpc: sandboxRpc,
  signal: new AbortController().signal,
  kill: () => Promise.resolve(),
})
const manifest = (name: string, provides: string[] = []): PluginManifest => ({
  name,
  provides,
  conflicts: [],
  depends: [],
})

type Instance = Record<string, unknown> & { readonly _manager: OldPluginManager }

/** Lets a class take part in a sandbox. @returns its instance */
function takeIn(Hooks: new (...args: never[]) => object, context: PluginContext, given = manifest('p')): Instance {
  let instance: object | null = null
  const Spied = new Proxy(Hooks, {
    construct: (target, args) => (instance = Reflect.construct(target, args) as object),
  })
  adaptParentHooks(given, Spied as unknown as ParentHooksClass)(context)
  return instance as unknown as Instance
}

describe('the base of old-style plugins', () => {
  class Hooks extends (BaseParentHooks as unknown as new () => object) {}

  test('NS-T3 an instance has what the base gives it, and the sandbox is as it was', () => {
    const sandboxRpc = rpc()
    const before = { ...sandboxRpc }
    const instance = takeIn(Hooks, contextOf({ a: 1 }, sandboxRpc))
    expect({ ...instance }).toEqual({
      _options: { a: 1 },
      _sandbox: { id: 'id', rpc: sandboxRpc, kill: expect.any(Function) as unknown },
      _manager: expect.any(OldPluginManager) as unknown,
      startData: {},
    })
    for (const hook of ['onSpawn', 'onKill', 'onError', 'onExit']) expect(instance[hook]).toBeTypeOf('function')
    expect(sandboxRpc).toEqual(before)
  })

  test('NS-D12 an instance is found by its name and by what it provides; those before it are there when it is made', () => {
    const sandboxRpc = rpc()
    const first = takeIn(Hooks, contextOf({}, sandboxRpc), manifest('my-rpc', ['rpc']))
    let seen: object | undefined
    class Second {
      constructor(_options: unknown, _sandbox: unknown, manager: OldPluginManager) {
        seen = manager.plugins['rpc']
      }
    }
    takeIn(Second, contextOf({}, sandboxRpc), manifest('second'))
    expect(seen).toBe(first)
    expect(first._manager.plugins['my-rpc']).toBe(first)
    expect(first._manager.plugins['constructor']).toBeUndefined()
    expect(Object.keys(takeIn(Hooks, contextOf({}))._manager.plugins)).toEqual(['p'])
  })

  test('NS-D17 each instance has options of its own', () => {
    const shared = Object.freeze({ list: Object.freeze([1]), nested: Object.freeze({ a: 1 }) })
    const [one, two] = [takeIn(Hooks, contextOf(shared)), takeIn(Hooks, contextOf(shared))]
    ;(one['_options'] as { nested: { a: number } }).nested.a = 2
    expect(two['_options']).toEqual({ list: [1], nested: { a: 1 } })
  })
})

test('NS-T4 a plugin is loaded from its folder and given its options', async () => {
  const log: string[] = []
  const plugins = [{ plugin: folder, options: { from: 'here', log: (text: string) => void log.push(text) } }]
  const options = parseSandboxOptions({ plugins })
  const plugin = new PluginHost(options, {
    sandboxId: 'id',
    rpc,
    kill: () => Promise.resolve(),
    onFailure: (error) => expect.fail(error.message),
  })
  const signal = new AbortController().signal
  expect(await plugin.open(options, signal)).toBe(options)
  await plugin.spawned(signal)
  const [part, ...others] = await plugin.guestParts(signal)
  expect(others).toEqual([])
  expect(part).toMatchObject({ plugin: 'counter', provides: ['counting'], startData: { from: 'here' } })
  expect(Object.keys(part?.files.sources ?? {})).toEqual(expect.arrayContaining([join(folder, 'lib/words.js')]))
  await plugin.killing()
  const end = { exitCode: 0, signal: null, reason: 'killed' } as const
  const told = new Promise<void>((resolve) => {
    const events = plugin.beside({
      stderr: (_chunk: Buffer) => void log.push('event'),
      exit: (..._exit: unknown[]) => resolve(),
    })
    events.stderr(Buffer.from('words\n'))
    events.exit(0, null, new SandboxExitedError('gone', end))
  })
  await told
  await plugin.closed
  expect(log).toEqual(['construct', 'onSpawn', 'onKill', 'onError words', 'event', 'onExit number object'])
})

test('NS-T5 the manager calls a hook of every plugin that has it, with what it is given', () => {
  const manager = new OldPluginManager()
  const calls: unknown[] = []
  const given = { a: 1 }
  manager.add('one', ['one', 'f'], { onFoo: (...args: unknown[]) => calls.push(['one', ...args]), variable: 1 })
  manager.add('two', ['two'], {})
  manager.add('three', ['three'], { onFoo: (...args: unknown[]) => calls.push(['three', ...args]), variable: 3 })
  manager.call('foo', given)
  expect(calls).toEqual([
    ['one', given],
    ['three', given],
  ])
  expect({ ...manager.get('variable') }).toEqual({ one: 1, three: 3 })
})
