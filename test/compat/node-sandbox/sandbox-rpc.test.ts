import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../src/compat/node-sandbox/index.js'
import { rejection } from '../../helpers/sandboxes.js'
import { make, ready, textOf } from './run.js'

const GUEST = `
  rpc.expose('ask', function (name, params) { return rpc.call(name, params) })
  rpc.expose('value', function (name) { return values[name] })
  rpc.expose('later', function (name) { return Promise.resolve(values[name]) })
  rpc.expose('add', function (a, b) { return a + b })
  rpc.expose('echo', function (value) { return value })
  rpc.expose('count', function () { return arguments.length })
  rpc.expose('throws', function () { throw new Error('Something broke') })
  rpc.expose('rejects', function () { return Promise.reject(new Error('Something broke')) })
  rpc.expose('throwsNull', function () { throw null })
  var api = { base: 40, plus: function (n) { return this.base + n } }
  rpc.expose('api', api)
  var values = { none: undefined, zero: 0, no: false, empty: '', nothing: null }
`

describe('calls between host and program', () => {
  it('NS-T13 go both ways, with the old rules of parameters', async () => {
    const { rpc } = await ready(GUEST)
    rpc.exposeObject({ add: (a: number, b: number) => a + b, echo: (value: unknown) => value, math: { one: () => 1 } })
    expect(await rpc.call('add', [4, 3])).toBe(7)
    expect(await rpc.call('echo', { deep: [1] })).toEqual({ deep: [1] })
    expect(await rpc.call('echo', 'text')).toBe('text')
    expect(await rpc.call('count')).toBe(1)
    expect(await rpc.call('count', [])).toBe(0)
    expect(await rpc.call('api.plus', 2)).toBe(42)
    expect(await rpc.call('ask', ['add', [4, 5]])).toBe(9)
    expect(await rpc.call('ask', ['echo', 17])).toBe(17)
    expect(await rpc.call('ask', ['math.one'])).toBe(1)
    for (const name of ['throws', 'rejects']) {
      const error = await rejection(rpc.call(name))
      expect(error).toBeInstanceOf(RemoteError)
      expect({ ...(error as RemoteError) }).toEqual({ code: -32603, message: 'Something broke' })
    }
  })

  it('NS-T14 to an unknown method fail with its code, both ways', async () => {
    const sandbox = await ready(
      `${GUEST}; rpc.expose('codes', function () { return rpc.call('nobody').catch(function (e) { return [e.code, e.message] }) })`,
    )
    const message = "Couldn't find the method requested (nobody)"
    expect(await rejection(sandbox.rpc.call('nobody'))).toMatchObject({ code: -32601, message })
    expect(await sandbox.rpc.call('codes')).toEqual([-32601, message])
  })

  it('NS-T15 notifications arrive', async () => {
    const sandbox = await ready(`rpc.expose('tell', function (a, b) { rpc.notify('told', [b, a]) })`)
    const told = new Promise((resolve) => sandbox.rpc.expose('told', (...args: unknown[]) => resolve(args)))
    expect(sandbox.rpc.notify('tell', [2, 3])).toBeUndefined()
    expect(await told).toEqual([3, 2])
  })

  it('NS-D1 falsy results resolve, both ways', async () => {
    const { rpc } = await ready(GUEST)
    const values: Record<string, unknown> = { none: undefined, zero: 0, no: false, empty: '', nothing: null }
    rpc.expose('hostValue', (name: string) => values[name])
    for (const [name, value] of Object.entries(values)) {
      expect(await rpc.call('value', [name])).toBe(value)
      expect(await rpc.call('later', [name])).toBe(value)
      expect(await rpc.call('ask', ['hostValue', [name]])).toBe(value)
    }
  })

  it('NS-D4 of several MiB arrive', async () => {
    const { rpc } = await ready(GUEST)
    const text = 'ä€𝄞'.repeat(300_000)
    expect(await rpc.call('echo', [text])).toBe(text)
  })

  it('NS-D13 (a) can be made before run() and before the program is loaded; so can exposing', async () => {
    const sandbox = make(`${GUEST}; rpc.call('host').then(function (text) { console.log(text) })`)
    const text = textOf(sandbox, 'stdout')
    sandbox.rpc.expose('host', () => 'before')
    const early = sandbox.rpc.call('add', [1, 2])
    sandbox.rpc.notify('add', [1, 2])
    sandbox.run()
    const starting = sandbox.rpc.call('add', [3, 4])
    let atReady: Promise<unknown> = Promise.resolve(0)
    sandbox.once('ready', () => {
      atReady = sandbox.rpc.call('add', [5, 6])
    })
    expect([await early, await starting, await atReady]).toEqual([3, 7, 11])
    await expect.poll(text).toBe('before\n')
  })

  it('(a) wait for a program that takes its time', async () => {
    const slow = `var end = Date.now() + 300; while (Date.now() < end) {}; ${GUEST}`
    const { rpc } = await ready(slow)
    expect(await rpc.call('add', [1, 1])).toBe(2)
  })

  it('NS-D3 call_timeout holds on both sides; -1 is none', async () => {
    const never = () => new Promise(() => undefined)
    const source = `rpc.expose('never', function () { return new Promise(function () {}) })
      rpc.expose('ask', function () { rpc.call('never').catch(function (e) { rpc.notify('told', e.message) }) })`
    for (const options of [
      { call_timeout: 1_000 },
      { plugins: [{ name: 'rpc', options: { call_timeout: 1_000 } }, 'lockup_detection', 'wrapper'] },
    ]) {
      const { rpc } = await ready(source, options)
      rpc.expose('never', never)
      const told = new Promise((resolve) => rpc.expose('told', resolve))
      const unanswered = rejection(rpc.call('never'))
      await rpc.call('ask')
      expect(await unanswered).toEqual(new Error('timeout'))
      expect(await told).toBe('timeout')
    }
  })

  it('(g) p.timeout(ms) is there; before run() it holds as well', async () => {
    const sandbox = make('')
    const call = sandbox.rpc.call('add', [1, 2])
    expect(call.timeout(50)).toBe(call)
    expect(await rejection(call)).toEqual(new Error('timeout'))
  })

  it('NS-D14 reach nothing that was not exposed', async () => {
    const { rpc } = await ready(GUEST)
    rpc.expose('one', () => 1)
    for (const name of ['hasOwnProperty', 'constructor', '__proto__', 'toString', 'one.call', 'api.hasOwnProperty']) {
      expect(await rejection(rpc.call(name)), name).toMatchObject({ code: -32601 })
      expect(await rejection(rpc.call('ask', [name])), name).toMatchObject({ code: -32603 })
    }
    expect(await rejection(rpc.call('throwsNull'))).toMatchObject({ code: -32603, message: 'null' })
  })

  it('NS-D14 no stack of the host reaches the program', async () => {
    const sandbox = await ready(
      `rpc.expose('ask', function () { return rpc.call('throws').catch(function (e) { return JSON.stringify(e) }) })`,
    )
    sandbox.rpc.expose('throws', () => {
      throw new Error('broke')
    })
    expect(JSON.parse((await sandbox.rpc.call('ask')) as string)).toEqual({ code: -32603, message: 'broke' })
  })

  it('NS-D5 what the program prints or answers does not crash the host', async () => {
    const sandbox = await ready(`
      console.log('null'); console.log('{"id":"nope","result":1}'); console.log('{"id":null,"method":"rpc.ready"}')
      rpc.expose('slow', function () { return new Promise(function (done) { setTimeout(done, 200, 'late') }) })`)
    const text = textOf(sandbox, 'stdout')
    let readies = 0
    sandbox.on('ready', () => (readies += 1))
    expect(await rejection(sandbox.rpc.call('slow').timeout(50))).toEqual(new Error('timeout'))
    expect(await sandbox.rpc.call('slow')).toBe('late')
    void sandbox.rpc.call('nobody')
    // (f) NS-D6: what it printed is its stdout, and no message.
    await expect.poll(text).toBe('null\n{"id":"nope","result":1}\n{"id":null,"method":"rpc.ready"}\n')
    expect(readies).toBe(0)
  })

  it('NS-D13 an object of functions can be exposed at any time, and its functions keep their `this`', async () => {
    const sandbox = await ready(GUEST)
    const api = {
      base: 40,
      plus(this: { base: number }, n: number) {
        return this.base + n
      },
    }
    sandbox.rpc.expose('api', api as never)
    expect(await sandbox.rpc.call('ask', ['api.plus', 2])).toBe(42)
    sandbox.rpc.expose('api.more', () => 'more')
    expect(await sandbox.rpc.call('ask', ['api.more'])).toBe('more')
  })

  it('unexpose() takes back a name or everything', async () => {
    const { rpc } = await ready(GUEST)
    rpc.exposeObject({ one: () => 1, two: () => 2 })
    rpc.unexpose('one')
    expect(await rejection(rpc.call('ask', ['one']))).toMatchObject({ code: -32603 })
    expect(await rpc.call('ask', ['two'])).toBe(2)
    rpc.unexpose()
    expect(await rejection(rpc.call('ask', ['two']))).toMatchObject({ code: -32603 })
  })
})
