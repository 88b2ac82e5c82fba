import { describe, expect, test } from 'vitest'
import { PluginError } from '../../../src/errors.js'
import { orderPlugins, type PluginManifest } from '../../../src/plugins/index.js'

const plugin = (name: string, more: Partial<PluginManifest> = {}): PluginManifest => ({
  name,
  provides: [],
  conflicts: [],
  depends: [],
  ...more,
})
const order = (...plugins: PluginManifest[]) => orderPlugins(plugins).map(({ name }) => name)

function refusal(...plugins: PluginManifest[]): PluginError {
  try {
    orderPlugins(plugins)
  } catch (error) {
    expect(error).toBeInstanceOf(PluginError)
    return error as PluginError
  }
  throw new Error('the plugins were accepted')
}

describe('NS-T6 dependencies, conflicts and what is provided are respected', () => {
  test('plugins that know nothing of each other keep their order', () => {
    expect(order(plugin('c'), plugin('a'), plugin('b'))).toEqual(['c', 'a', 'b'])
  })

  test('what is depended on comes first, by its name or by what it provides', () => {
    const a = plugin('a', { depends: ['b', 'feature'] })
    const b = plugin('b', { depends: ['c'] })
    expect(order(a, b, plugin('other'), plugin('c'), plugin('d', { provides: ['feature'] }))).toEqual([
      'c',
      'b',
      'd',
      'a',
      'other',
    ])
  })

  test('what nobody provides is named with who asks for it', () => {
    const error = refusal(plugin('ping', { depends: ['rpc'] }))
    expect(error.message).toBe("Plugin 'ping' depends on plugin 'rpc'!")
    expect(error).toMatchObject({ code: 'ERR_PLUGIN', plugin: 'ping', hook: null, details: { feature: 'rpc' } })
  })

  test('two that provide the same are refused', () => {
    const error = refusal(plugin('one', { provides: ['rpc'] }), plugin('two', { provides: ['rpc'] }))
    expect(error.message).toBe("Plugin 'two' provides 'rpc', but that's already provided by 'one'!")
  })

  test('a conflict is refused, by the name and by what is provided', () => {
    expect(refusal(plugin('one', { conflicts: ['two'] }), plugin('two')).message).toBe(
      "Plugin 'one' conflicts with plugin 'two'!",
    )
    expect(refusal(plugin('x', { provides: ['two'] }), plugin('one', { conflicts: ['two'] })).message).toBe(
      "Plugin 'one' conflicts with plugin 'x'!",
    )
  })

  test('a plugin does not conflict with itself, nor with what is not there', () => {
    expect(order(plugin('a', { provides: ['f'], conflicts: ['f', 'a', 'absent'] }))).toEqual(['a'])
  })

  test.each([
    [[plugin('a', { depends: ['a'] })], "'a' → 'a'"],
    [[plugin('a', { provides: ['f'], depends: ['f'] })], "'a' → 'a'"],
    [[plugin('a', { depends: ['b'] }), plugin('b', { depends: ['a'] })], "'a' → 'b' → 'a'"],
    [
      [
        plugin('x', { depends: ['a'] }),
        plugin('a', { depends: ['f'] }),
        plugin('b', { provides: ['f'], depends: ['a'] }),
      ],
      "'a' → 'b' → 'a'",
    ],
  ])('a circle is refused with its names %#', (plugins, names) => {
    expect(refusal(...plugins).message).toBe(`Plugins depend on each other in a circle: ${names}.`)
  })
})

describe('NS-D12', () => {
  test('a conflict names both plugins instead of failing with a ReferenceError', () => {
    const error = refusal(plugin('first'), plugin('second', { conflicts: ['first'] }))
    expect(error.message).toBe("Plugin 'second' conflicts with plugin 'first'!")
    expect(error.details).toMatchObject({ other: 'first' })
  })

  test('an alternative of what another plugin is named after is found out in both orders', () => {
    const [stock, alternative] = [plugin('rpc'), plugin('my-rpc', { provides: ['rpc'] })]
    expect(refusal(stock, alternative).message).toBe(
      "Plugin 'my-rpc' provides 'rpc', but that's already provided by 'rpc'!",
    )
    expect(refusal(alternative, stock).message).toBe(
      "Plugin 'rpc' provides 'rpc', but that's already provided by 'my-rpc'!",
    )
  })

  test('two plugins of one name are refused instead of one taking the place of the other', () => {
    expect(refusal(plugin('same'), plugin('same')).message).toMatch(/^Plugin 'same' is given twice/)
  })

  test('a name cannot forge a line of a log', () => {
    expect(refusal(plugin('a\u001b[31m\nb', { depends: ['x'] })).message).not.toMatch(/[\n\u001b]/)
  })
})
