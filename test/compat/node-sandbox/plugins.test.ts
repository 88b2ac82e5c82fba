import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Sandbox, type SandboxOptions } from '../../../src/compat/node-sandbox/index.js'
import { writeProgram } from '../../helpers/programs.js'
import { follow, make, next, ready, textOf } from './run.js'

const folder = join(import.meta.dirname, '../../fixtures/node-sandbox')
const greeter = (name = join(folder, 'greeter')): SandboxOptions['plugins'] => [
  'rpc',
  'lockup_detection',
  'wrapper',
  { name, options: { greeting: 'hello' } },
]
const SOURCE = `rpc.expose('greet', function (name) { return greet(name) })`
type Greeted = Sandbox & { readonly heard: unknown[] }

describe('plugins of the old form', () => {
  it.each([
    ['by path', greeter(), {}],
    ['by name', greeter('greeter'), { plugins_dir: folder }],
  ])('NS-D11 %s run in both halves, and hear everything in order', async (_how, plugins, options) => {
    const sandbox = (await ready(SOURCE, { ...options, plugins: plugins ?? [] })) as Greeted
    const text = textOf(sandbox, 'stderr')
    expect(await sandbox.rpc.call('greet', ['bob'])).toBe('hello, bob')
    await expect.poll(text).toBe('executed\n')
    const exit = next(sandbox, 'exit')
    sandbox.kill()
    await exit
    // The two in the middle come on two channels.
    expect(sandbox.heard.slice(1, 3).sort()).toEqual([
      ['error', 'executed\n'],
      ['loaded', SOURCE.length],
    ])
    expect([sandbox.heard[0], ...sandbox.heard.slice(3)]).toEqual([
      ['spawn', true],
      ['kill'],
      ['exit', null, 'SIGTERM'],
    ])
  })

  it('NS-D11 hear of a file that cannot be read', async () => {
    const sandbox = follow(new Sandbox('/nowhere/program.js', { plugins: greeter() ?? [] }))
    const text = textOf(sandbox, 'stderr')
    sandbox.run()
    expect(await next(sandbox, 'exit')).toEqual([1, null])
    expect(text()).toMatch(/^not loaded: .*ENOENT.*\n.*ENOENT/)
  })

  it('NS-D17 share nothing between sandboxes, and leave the options of the caller alone', () => {
    const options = { plugins: ['rpc', { name: 'lockup_detection', options: { mine: 1 } }] }
    const copy = structuredClone(options)
    const [one, two] = [new Sandbox('a.js', options), new Sandbox('b.js', options)]
    expect(options).toEqual(copy)
    expect(one._options.plugins).not.toBe(two._options.plugins)
    expect(one._options.plugins[1]).not.toBe(two._options.plugins[1])
    const [three, four] = [new Sandbox('a.js'), new Sandbox('b.js')]
    expect(three._options.plugins).not.toBe(four._options.plugins)
    expect(three._options.permissions).not.toBe(four._options.permissions)
  })

  it('NS-D12 that do not fit are refused when the sandbox is made', () => {
    const plugins = ['lockup_detection', 'rpc']
    expect(() => new Sandbox('a.js', { plugins })).toThrow("Plugin 'lockup_detection' depends on plugin 'rpc'!")
  })

  it('without lockup_detection nothing is watched', async () => {
    const sandbox = make('while (true) {}', { plugins: ['rpc', 'wrapper'], ping_interval: 10, lockup_timeout: 20 })
    let lockups = 0
    sandbox.on('lockup', () => (lockups += 1))
    sandbox.run()
    await next(sandbox, 'ready')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(lockups).toBe(0)
  })
})

it('has the defaults of old', () => {
  const { sandbox, shovel, ...options } = new Sandbox(writeProgram(''))._options
  expect(sandbox).toEqual({})
  expect(shovel).toBe('shovel.js')
  expect(options).toEqual({
    node_command: 'node',
    lockup_timeout: 10_000,
    kill_with_fire_timeout: 10_000,
    ping_interval: 10_000,
    startup_timeout: 10_000,
    call_timeout: -1,
    permissions: ['tty_wrap', 'pipe_wrap'],
    plugins_dir: './plugins',
    plugins: ['rpc', 'lockup_detection', 'wrapper'],
  })
  expect(() => new Sandbox('a.js', { shovel: './my-shovel.js' })).toThrow('The shovel cannot be replaced')
})
