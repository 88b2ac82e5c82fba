import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ParentHooks, PluginManager, wrapperFactory, type PluginEntry } from '../../../src/compat/node-sandbox/index.js'

const folder = mkdtempSync(join(tmpdir(), 'plugins-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
/** Writes a plugin. @returns its folder. */
function plugin(manifest: { name: string; [part: string]: unknown }, hooks = '', parent = folder): string {
  const path = join(parent, hooks === '' ? manifest.name : `${manifest.name}${(count += 1)}`)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'manifest.js'), `module.exports = ${JSON.stringify(manifest)}`)
  const source = `module.exports = class {
    constructor(options, parent, manager) { this._options = options; this.earlier = Object.keys(manager.plugins) }
    ${hooks}
  }`
  writeFileSync(join(path, 'ParentHooks.js'), source)
  return path
}
const load = (plugins: PluginEntry[], parent: object = {}) =>
  new PluginManager(plugins, 'ParentHooks', undefined, parent)

describe('PluginManager', () => {
  it('NS-T3 loads _base by name and does not touch the parent', () => {
    const parent = { mine: 1 }
    const manager = load(['_base'], parent)
    expect(manager.plugins['_base']).toEqual(new ParentHooks({}, parent, manager))
    expect(parent).toEqual({ mine: 1 })
  })

  it('NS-T4 loads a plugin by its path and hands it its options', () => {
    const path = plugin({ name: 'external' })
    for (const name of [path, `./${relative('.', path)}`]) {
      const manager = load([{ name, options: { foo: 'bar' } }])
      expect(manager.plugins['external']).toMatchObject({ _options: { foo: 'bar' } })
    }
  })

  it('NS-T5 calls a hook of every plugin that has it', () => {
    const calls: unknown[] = []
    const manager = load(['_base', plugin({ name: 'hooked' }, 'onFoo(...args) { this._options.push(...args) }')])
    Object.assign(manager.plugins['hooked'] as object, { _options: calls })
    const object = { a: 1 }
    manager.call('foo', object)
    manager.call('foo', [1, 2])
    expect(calls).toEqual([object, 1, 2])
    expect(calls[0]).toBe(object)
    expect(manager.get('earlier')).toEqual({ _base: undefined, hooked: ['_base'] })
  })

  it('loads by name from plugins_dir, before the built-in ones', () => {
    plugin({ name: 'local' })
    const manager = new PluginManager(['local', 'rpc'], 'ParentHooks', folder, {})
    expect(Object.keys(manager.plugins)).toEqual(['local', 'rpc'])
    expect(() => load(['nowhere'])).toThrow("There is no plugin 'nowhere'")
  })

  describe('NS-T6 and NS-D12: what goes together', () => {
    const a = plugin({ name: 'a', provides: ['feature'] })
    const b = plugin({ name: 'b', provides: ['feature'] })
    const needs = plugin({ name: 'needs', depends: ['feature'] })
    const against = plugin({ name: 'against', conflicts: ['a'] })
    const otherRpc = plugin({ name: 'other-rpc', provides: ['rpc'] })
    const twin = plugin({ name: 'a' }, 'twin() {}')

    it.each([
      [[a, b], "Plugin 'b' provides 'feature', but that's already provided by 'a'!"],
      [[b, a], "Plugin 'a' provides 'feature', but that's already provided by 'b'!"],
      [[needs], "Plugin 'needs' depends on plugin 'feature'!"],
      [[needs, a], "Plugin 'needs' depends on plugin 'feature'!"],
      [[a, against], "Plugin 'against' conflicts with plugin 'a'!"],
      [[against, a], "Plugin 'a' conflicts with plugin 'against'!"],
      [['rpc', otherRpc], "Plugin 'other-rpc' provides 'rpc', but that's already provided by 'rpc'!"],
      [[otherRpc, 'rpc'], "Plugin 'rpc' provides 'rpc', but that's already provided by 'other-rpc'!"],
      [[a, twin], "Plugin 'a' is loaded twice!"],
      [['lockup_detection'], "Plugin 'lockup_detection' depends on plugin 'rpc'!"],
    ])('%j is refused', (plugins, message) => {
      expect(() => load(plugins)).toThrow(message)
    })

    it.each([[[a, needs]], [[b, needs]], [[otherRpc, 'lockup_detection']], [['rpc', 'lockup_detection', 'wrapper']]])(
      '%j is fine',
      (plugins) => {
        expect(Object.keys(load(plugins).plugins)).toHaveLength(plugins.length)
      },
    )
  })
})

describe('wrapperFactory', () => {
  const binding = wrapperFactory.processBinding((name) => `binding ${name}`, ['fs'])

  it('NS-T21 lets a binding through that is allowed', () => {
    expect(binding('fs')).toBe('binding fs')
  })

  it('NS-T22 throws for any other, and goes on', () => {
    expect(() => binding('net')).toThrow(new Error('Tried to load a non-white listed module `net`!'))
    expect(() => binding('constructor')).toThrow('non-white listed')
    expect(binding('fs')).toBe('binding fs')
  })
})
