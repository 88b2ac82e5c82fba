import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { InvalidOptionsError, PluginError } from '../../../src/errors.js'
import { definePlugin } from '../../../src/index.js'
import { isPlugin, parseSandboxOptions } from '../../../src/options/index.js'
import { hookFailure, PluginHost } from '../../../src/plugins/index.js'
import { runHook } from '../../../src/plugins/run-hook.js'

const define = definePlugin as (definition: unknown) => unknown

describe('definePlugin', () => {
  test('fills in what is left out, and is known again', () => {
    const plugin = definePlugin({ name: 'p' })
    expect(plugin).toEqual({
      ...{ name: 'p', provides: [], conflicts: [], depends: [] },
      ...{ options: null, host: null, guest: null },
    })
    expect(Object.isFrozen(plugin)).toBe(true)
    expect(isPlugin(plugin)).toBe(true)
    expect(isPlugin({ ...plugin })).toBe(false)
  })

  test('takes the guest part as a path or as a URL', () => {
    expect(definePlugin({ name: 'p', guest: './g.js' }).guest).toBe(`${process.cwd()}/g.js`)
    expect(definePlugin({ name: 'p', guest: new URL('file:///a/b%20c.js') }).guest).toBe('/a/b c.js')
  })

  test.each<[unknown, RegExp]>([
    [{}, /name/],
    [{ name: '' }, /It is empty/],
    [{ name: 'a\nb' }, /[Cc]ontrol character/],
    [{ name: 'p', hosts: {} }, /did you mean host/],
    [{ name: 'p', host: { onSpwan: () => 0 } }, /did you mean onSpawn/],
    [{ name: 'p', host: { onSpawn: 1 } }, /a function/],
    [{ name: 'p', options: {} }, /a zod schema/],
    [{ name: 'p', depends: 'rpc' }, /an array of names/],
    [{ name: 'p', guest: new URL('https://example.org/g.js') }, /a file: URL/],
    [null, /plugin definition/],
  ])('%j is refused', (definition, reason) => {
    expect(() => define(definition)).toThrow(InvalidOptionsError)
    expect(() => define(definition)).toThrow(reason)
  })
})

describe('options of a plugin', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'that it does not take',
      () => parseSandboxOptions({ plugins: [{ plugin: definePlugin({ name: 'p' }), options: { a: 1 } }] }),
      /plugins\[0\]\.options: .*what the plugin 'p' takes as options\. It takes none/,
    ],
    [
      'of another kind',
      () =>
        parseSandboxOptions({
          plugins: [
            {
              plugin: definePlugin({ name: 'p', options: z.object({ a: z.number() }) }),
              options: { a: 'x'.repeat(9) },
            },
          ],
        }),
      /plugins\[0\]\.options\.a: got "xxxxxxxxx"/,
    ],
    [
      'that have no end',
      () => {
        const circle: Record<string, unknown> = {}
        circle['circle'] = circle
        return parseSandboxOptions({ plugins: [{ plugin: '/opt/x', options: circle }] })
      },
      /nested deeper than 32/,
    ],
  ])('%s are refused', (_name, work, reason) => {
    expect(work).toThrow(InvalidOptionsError)
    expect(work).toThrow(reason)
  })

  test('are copied and frozen, and mean the same when they are checked again', () => {
    const options = { list: [1, { a: 2 }], when: new Date(0), call: () => 1 }
    const parsed = parseSandboxOptions({ plugins: [{ plugin: '/opt/x', options }] })
    options.list.push(3)
    expect(parsed.plugins[0]?.options).toEqual({ list: [1, { a: 2 }], when: options.when, call: options.call })
    expect(parseSandboxOptions(parsed)).toEqual(parsed)
  })
})

describe('runHook', () => {
  const call = { plugin: 'p', hook: 'onSpawn', deadlineMs: 20 }

  test('gives what the hook gives, at once or later', async () => {
    expect(await runHook(call, () => 1)).toBe(1)
    expect(await runHook(call, () => Promise.resolve(2))).toBe(2)
  })

  test.each<[string, () => never]>([
    [
      'an error',
      () => {
        throw new Error('no luck')
      },
    ],
    [
      'null',
      () => {
        throw null // eslint-disable-line @typescript-eslint/only-throw-error
      },
    ],
    [
      'what has no text',
      () => {
        throw Object.create(null)
      },
    ],
  ])('a hook that throws %s', async (_name, work) => {
    await expect(runHook(call, work)).rejects.toMatchObject({ name: 'PluginError', plugin: 'p', hook: 'onSpawn' })
    await expect(runHook(call, () => Promise.resolve().then(work))).rejects.toBeInstanceOf(PluginError)
  })

  test('a hook that hangs, and one that fails after its deadline, which nobody hears of', async () => {
    const late = () => new Promise((_, reject) => setTimeout(reject, 40, new Error('late')))
    await expect(runHook(call, () => new Promise(() => undefined))).rejects.toThrow(/did not return within 20 ms/)
    await expect(runHook(call, late)).rejects.toThrow(/did not return within 20 ms/)
    await new Promise((resolve) => setTimeout(resolve, 40))
  })

  test('an abort comes before the deadline', async () => {
    const abort = new AbortController()
    const waiting = runHook({ ...call, deadlineMs: 10_000, signal: abort.signal }, () => new Promise(() => undefined))
    const reason = new Error('over')
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(runHook({ ...call, signal: abort.signal }, () => expect.fail('called'))).rejects.toBe(reason)
  })

  test('the words of a hook are cut and escaped', () => {
    expect(hookFailure('p', 'onKill', new Error(`\u001b[31m${'x'.repeat(5_000)}`)).message).toMatch(
      /^[\x20-\x7e…]{1,600}$/,
    )
  })
})

test('a host part that makes wrong hooks is told by its name', async () => {
  const plugin = definePlugin({ name: 'p', host: (() => ({ onSpwan: 1 })) as never })
  const options = parseSandboxOptions({ plugins: [plugin] })
  const surroundings = {
    sandboxId: 'id',
    rpc: () => ({}) as never,
    kill: () => Promise.resolve(),
    onFailure: () => undefined,
  }
  const host = new PluginHost(options, surroundings)
  await expect(host.open(options, new AbortController().signal)).rejects.toMatchObject({
    plugin: 'p',
    hook: 'host',
    message: expect.stringMatching(/did you mean onSpawn/) as unknown,
  })
})
