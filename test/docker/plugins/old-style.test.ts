import { join, resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ContainerSandbox, definePlugin, PluginError, type SandboxOptions } from '../../../src/index.js'
import { writeProgram } from '../../helpers/programs.js'
import { containersOf, rejection } from '../../helpers/sandboxes.js'

const fixtures = resolve(import.meta.dirname, '../../fixtures/plugins')
const folder = join(fixtures, 'old-style')

const made: ContainerSandbox[] = []
const make = (options: SandboxOptions) => {
  const sandbox = new ContainerSandbox(options)
  made.push(sandbox)
  return sandbox
}
afterEach(async () => {
  await Promise.all(made.splice(0).map((sandbox) => sandbox.kill()))
})

const counting = writeProgram(
  'globalThis.counted = count(41); console.error("words"); rpc.expose("ping", () => "pong")',
)

describe('NS-D11 a plugin folder that is given by its path', () => {
  test('runs on both sides, in the order of old, and gets its start data', async () => {
    const log: string[] = []
    const options = { from: 'the host', log: (text: string) => void log.push(text) }
    const sandbox = make({ program: counting, plugins: [{ plugin: folder, options }] })
    await sandbox.start()
    expect(await sandbox.rpc.call('ping')).toBe('pong')
    await sandbox.kill()
    expect(
      log
        .filter((entry) => !entry.startsWith('onError'))
        .map((entry) => entry.replace(/^(onExit) (number|object) (object|string)$/, '$1')),
    ).toEqual([
      ...['construct', 'onSpawn', 'guest: construct {"from":"the host"}'],
      ...['guest: onAfterLoad true from the folder', 'guest: onExecute 42', 'onKill', 'onExit'],
    ])
    expect(log.filter((entry) => entry.startsWith('onError'))).toEqual(['onError words'])
    // It fills defaults into its options, which are its own.
    expect(Object.keys(options)).toEqual(['from', 'log'])
  })

  test('is told when the program fails', async () => {
    const log: string[] = []
    const plugin = { plugin: folder, options: { log: (text: string) => void log.push(text) } }
    const sandbox = make({ program: writeProgram('throw new Error("oh")'), plugins: [plugin] })
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'ERR_PROGRAM' })
    expect(log).toContain('guest: onLoadError Error: oh')
  })

  test('is found by others by what it provides, and has an instance for each sandbox', async () => {
    const dependent = definePlugin({ name: 'dependent', depends: ['counting'] })
    const log: string[] = []
    const plugin = { plugin: folder, options: { log: (text: string) => void log.push(text) } }
    for (const [round, sandbox] of [1, 2].map((n) => [n, make({ plugins: [dependent, plugin] })] as const)) {
      await sandbox.start()
      expect(log.filter((entry) => entry === 'construct')).toHaveLength(round)
    }
  })
})

test.each<[string, SandboxOptions['plugins'], string, RegExp]>([
  ['that is missing', ['/nowhere/plugin'], 'plugin', /the plugin folder '\/nowhere\/plugin' is not there/],
  ['that is a file', [join(folder, 'manifest.js')], 'manifest.js', /is no folder/],
  ['without a manifest', [join(fixtures, 'no-manifest')], 'no-manifest', /has no manifest\.js/],
  ['whose manifest throws', [join(fixtures, 'broken-manifest')], 'broken-manifest', /the manifest is broken/],
  ['twice', [{ plugin: folder, options: { log: () => undefined } }, folder], 'counter', /'counter' is given twice/],
  ['whose class throws', [folder], 'counter', /failed in its hook host: options\.log is not a function/],
])('a plugin folder %s is refused, and nothing is made', async (_name, plugins, plugin, message) => {
  const sandbox = make({ plugins })
  const error = (await rejection(sandbox.start())) as PluginError
  expect(error).toBeInstanceOf(PluginError)
  expect(error.message).toMatch(message)
  expect(error.plugin).toBe(plugin)
  expect(sandbox.state).toBe('exited')
  expect(await containersOf(sandbox.id)).toEqual([])
})
