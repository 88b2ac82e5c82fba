import { describe, expect, test, vi } from 'vitest'
import { createActionCaller } from '../../../../src/shovel/program/methods.ts'
import { LocalProgram } from '../../../helpers/local-program.ts'

const file = (source: string, filename = 'methods.js') => ({ source, filename, guestPath: `/${filename}` })

async function load(source: string, permissions: string[] = [], filename?: string): Promise<LocalProgram> {
  const program = await LocalProgram.start()
  await program.loadFiles({ methods: file(source, filename), permissions }).catch(async (error: unknown) => {
    await program[Symbol.asyncDispose]()
    throw error
  })
  return program
}

const act = (program: LocalProgram, name: string, data?: unknown, options = {}) =>
  program.peer.call('$/action', { name, data }, options)

test.each([
  ['a script', 'methods.js', `exports.methods = { 'a b': (data) => [data, 'got'] }`],
  ['a script with other exports', 'methods.js', `module.exports = { methods: { 'a b': (data) => [data, 'got'] } }`],
  [
    'a function with the member',
    'methods.js',
    `module.exports = () => 1; module.exports.methods = { 'a b': (d) => [d, 'got'] }`,
  ],
  ['a module', 'methods.mjs', `export const methods = { 'a b': async (data) => [data, 'got'] }`],
  ['a default export', 'methods.mjs', `export default { methods: { 'a b': (data) => [data, 'got'] } }`],
  [
    'exports with a then',
    'methods.js',
    `exports.then = () => {}; exports.methods = { 'a b': (data) => [data, 'got'] }`,
  ],
])('%s has actions', async (_name, filename, source) => {
  await using program = await load(source, [], filename)
  expect(await act(program, 'a b', { x: 1 })).toEqual([{ x: 1 }, 'got'])
})

test.each(['nothing', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', 'number', 'inherited', ''])(
  'there is no action %j',
  async (name) => {
    await using program = await load(`
      exports.methods = Object.create({ inherited: () => 'reached' })
      exports.methods.known = () => 'known'
      Object.defineProperty(exports.methods, 'number', { value: 5 })
    `)
    await expect(act(program, name)).rejects.toMatchObject({ rpcCode: -32601, message: `there is no action '${name}'` })
    expect(await act(program, 'known')).toBe('known')
  },
)

test.each([
  ['nothing', '', 'got undefined'],
  ['null', 'exports.methods = null', 'got undefined'],
  ['a number', 'exports.methods = 5', 'got number'],
  ['an array', 'exports.methods = [() => 1]', 'got an array'],
  ['a function', 'exports.methods = () => ({})', 'got function'],
  ['a text', 'exports.methods = "toString"', 'got string'],
  ['no exports', 'module.exports = null', 'got undefined'],
  ['an action that is none', 'exports.methods = { ok: () => 1, name: "x" }', "the action 'name' must be a function"],
])('a methods file that exports %s is refused', async (_name, source, message) => {
  await expect(load(source)).rejects.toMatchObject({
    rpcCode: -32011,
    message: expect.stringContaining(message) as string,
    data: { file: 'methods', kind: 'throw' },
  })
})

test('actions that are added later can be called, and what is exported afterwards is not looked at', async () => {
  await using program = await load(`
    exports.methods = { grow: () => { exports.methods.more = () => 'more' }, swap: () => { exports.methods = {} } }
  `)
  await expect(act(program, 'more')).rejects.toMatchObject({ rpcCode: -32601 })
  await act(program, 'grow')
  expect(await act(program, 'more')).toBe('more')
  await act(program, 'swap')
  expect(await act(program, 'more')).toBe('more')
})

test('a method that throws, rejects or never returns harms no other', async () => {
  await using program = await load(`
    exports.methods = {
      throws: () => { throw new RangeError('too far') },
      throwsNothing: () => { throw undefined },
      rejects: async () => { throw Object.assign(new Error('later'), { rpcCode: 7, data: { a: 1 } }) },
      never: () => new Promise(() => {}),
      cycle: () => { const all = {}; all.all = all; return all },
      fine: () => 'fine',
    }
  `)
  await expect(act(program, 'throws')).rejects.toMatchObject({ rpcCode: -32603, message: 'too far' })
  await expect(act(program, 'throwsNothing')).rejects.toMatchObject({ rpcCode: -32603 })
  await expect(act(program, 'rejects')).rejects.toMatchObject({ rpcCode: 7, data: { a: 1 } })
  await expect(act(program, 'never', 1, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT' })
  await expect(act(program, 'cycle')).rejects.toMatchObject({
    message: expect.stringContaining('contains itself') as string,
  })
  expect(await act(program, 'fine')).toBe('fine')
})

describe('process.send', () => {
  test('sends what JSON makes of a message, in order, and calls back', async () => {
    await using program = await LocalProgram.start()
    const messages: unknown[] = []
    program.peer.expose('$/message', (message: unknown) => void messages.push(message))
    const source = `
      exports.methods = {
        send: () => [process.send({ error: new Error('x'), skipped: undefined, nan: NaN }), process.send(null), process.send('text')],
        back: () => new Promise((resolve) => process.send(1, resolve)),
        refused: () => { try { process.send(() => 1) } catch (error) { return error.name } },
        cyclic: () => { const all = {}; all.all = all; try { process.send(all) } catch (error) { return error.name } },
      }
    `
    await program.loadFiles({ methods: file(source) })
    expect(await act(program, 'send')).toEqual([true, true, true])
    expect(await act(program, 'back')).toBeNull()
    expect(await act(program, 'refused')).toBe('TypeError')
    expect(await act(program, 'cyclic')).toBe('TypeError')
    await vi.waitFor(() => expect(messages).toEqual([{ error: {}, nan: null }, null, 'text', 1]), { timeout: 10_000 })
  })

  test('is all of `process` without the permission, and with it the rest is there', async () => {
    const source = `exports.methods = { probe() { return [typeof process.send, typeof process.exit, this === process] } }`
    await using without = await load(source, ['fs'])
    expect(await act(without, 'probe')).toEqual(['function', 'undefined', true])
    await using permitted = await load(source, ['process'])
    expect(await act(permitted, 'probe')).toEqual(['function', 'function', true])
  })
})

test('a program and a methods file share the process; the methods file comes first', async () => {
  await using program = await LocalProgram.start()
  await program.loadFiles({
    methods: file('globalThis.order = ["methods"]; exports.methods = { order: () => order }'),
    program: file('order.push("program"); rpc.expose("order", () => order)', 'program.js'),
  })
  expect(await act(program, 'order')).toEqual(['methods', 'program'])
  expect(await program.peer.call('order', [])).toEqual(['methods', 'program'])
})

test.each([
  ['methods', { methods: file('const = 1'), program: file('') }],
  ['program', { methods: file('exports.methods = {}'), program: file('const = 1') }],
])('a failure tells which file it was: %s', async (name, files) => {
  await using program = await LocalProgram.start()
  await expect(program.loadFiles(files)).rejects.toMatchObject({ data: { file: name, kind: 'syntax' } })
})

test('the lookup runs no getter of a prototype', () => {
  let reached = false
  const prototype = Object.defineProperty({}, 'trap', { get: () => (reached = true) })
  const call = createActionCaller({ methods: Object.create(prototype) as object }, null)
  expect(() => call('trap', 1)).toThrow("there is no action 'trap'")
  expect(reached).toBe(false)
})
