import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client, Duplex, Server, type RemoteError } from '../../../src/compat/node-sandbox/index.js'
import { rejection } from '../../helpers/sandboxes.js'
import { socketPair } from './socket-pair.js'

let near: Socket
let far: Socket
beforeEach(async () => {
  ;[near, far] = await socketPair()
})
afterEach(() => [near, far].forEach((socket) => socket.destroy()))

/** Lines that the other side sees, parsed. */
function lines(): () => Promise<Record<string, unknown>> {
  const reader = createInterface({ input: far })[Symbol.asyncIterator]()
  return async () => JSON.parse((await reader.next()).value as string) as Record<string, unknown>
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('the form of messages', () => {
  it('has requests, notifications, results and errors with these members and no others', async () => {
    const next = lines()
    const duplex = new Duplex(near)
    duplex.expose('echo', (value: unknown) => value)
    void duplex.call('greet', ['bob'])
    const request = await next()
    expect(request).toEqual({ id: expect.stringMatching(UUID) as string, method: 'greet', params: ['bob'] })
    void duplex.call('greet')
    expect(await next()).toEqual({ id: expect.any(String) as string, method: 'greet' })
    duplex.notify('log', 'x')
    expect(await next()).toEqual({ id: null, method: 'log', params: 'x' })
    far.write('{"id":"1","method":"echo","params":["hi"]}\n')
    expect(await next()).toEqual({ id: '1', result: 'hi', error: null })
    far.write('{"id":"2","method":"echo"}\n')
    expect(await next()).toEqual({ id: '2', error: null })
    far.write('{"id":"3","method":"x"}\n')
    const message = "Couldn't find the method requested (x)"
    expect(await next()).toEqual({ id: '3', result: null, error: { code: -32601, message } })
  })

  it('takes a falsy id for a notification, and answers errors all the same', async () => {
    const next = lines()
    const server = new Server(near)
    const heard: unknown[] = []
    server.expose('tell', (value: unknown) => heard.push(value))
    far.write('{"id":0,"method":"tell","params":[1]}\n{"id":"","method":"tell","params":[2]}\n\n  \n')
    far.write('{"id":null,"method":"nobody"}\n')
    expect(await next()).toMatchObject({ id: null, error: { code: -32601 } })
    expect(heard).toEqual([1, 2])
  })

  it('is garbage in a Server: one parse error; in a Duplex: silence', async () => {
    const next = lines()
    new Server(near)
    far.write('garbage\n{"id":"1","method":"nobody"}\n')
    expect(await next()).toMatchObject({ id: null, error: { code: -32700 } })
    expect(await next()).toMatchObject({ id: '1', error: { code: -32601 } })
  })

  it('drops garbage in a Duplex', async () => {
    const next = lines()
    new Duplex(near).expose('one', () => 1)
    far.write('garbage\n17\n[]\n"x"\n{"id":"1","method":"one"}\n')
    expect(await next()).toEqual({ id: '1', result: 1, error: null })
  })
})

describe('results', () => {
  it.each([undefined, 0, false, '', null])('NS-D1 of %j resolve', async (value) => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.exposeObject({ sync: () => value, later: async () => await Promise.resolve(value) })
    expect(await one.call('sync')).toBe(value)
    expect(await one.call('later')).toBe(value)
  })

  it('that are no JSON are an error, and the next call works', async () => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.exposeObject({ big: () => 1n, small: () => 1 })
    expect(await rejection(one.call('big'))).toMatchObject({ code: -32603 })
    expect(await one.call('small')).toBe(1)
  })
})

describe('NS-D4', () => {
  it('a message of several MiB arrives whole', async () => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.expose('echo', (value: unknown) => value)
    const text = 'ä€𝄞'.repeat(300_000)
    expect(await one.call('echo', [text])).toBe(text)
  })

  it('a message may be cut at any byte', async () => {
    const next = lines()
    const server = new Server(near)
    server.expose('echo', (value: unknown) => value)
    for (const byte of Buffer.from('{"id":"1","method":"echo","params":["ä€𝄞"]}\n')) {
      far.write(Buffer.of(byte))
      await delay(1)
    }
    expect(await next()).toEqual({ id: '1', result: 'ä€𝄞', error: null })
  })

  it('a line without an end does not fill the memory, and the next one is read', async () => {
    const next = lines()
    new Duplex(near).expose('one', () => 1)
    const mebibyte = 'x'.repeat(1024 * 1024)
    for (let count = 0; count < 40; count += 1) if (!far.write(mebibyte)) await once(far, 'drain')
    far.write('\n{"id":"1","method":"one"}\n')
    expect(await next()).toEqual({ id: '1', result: 1, error: null })
  })
})

describe('NS-D5 the other side cannot crash this one', () => {
  it.each(['null', '{"id":"nope","result":1}', '{"id":{},"error":7}', '{"id":"x","error":{}}', '{"result":null}'])(
    'by %s',
    async (line) => {
      const [one, two] = [new Duplex(near), new Duplex(far)]
      two.expose('one', () => 1)
      far.write(`${line}\n`)
      expect(await one.call('one')).toBe(1)
    },
  )

  it('by an answer that comes after the timeout, or twice', async () => {
    const next = lines()
    const client = new Client(near, { call_timeout: 20 })
    const call = client.call('slow')
    const { id } = await next()
    expect(await rejection(call)).toEqual(new Error('timeout'))
    const answer = `${JSON.stringify({ id, result: 1, error: null })}\n`
    far.write(answer + answer)
    const second = client.call('second').timeout(1_000)
    const { id: secondId } = await next()
    const secondAnswer = `${JSON.stringify({ id: secondId, result: 2, error: null })}\n`
    far.write(secondAnswer + secondAnswer)
    expect(await second).toBe(2)
  })

  it('by going away: what is pending is rejected, what is written is dropped', async () => {
    const client = new Client(near)
    const call = client.call('never')
    far.destroy()
    expect(await rejection(call)).toEqual(new Error('The stream is closed'))
    client.notify('nobody')
    expect(await rejection(client.call('nobody'))).toEqual(new Error('The stream is closed'))
  })

  it('by a rejection that nobody waits for', async () => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.expose('one', () => 1)
    void one.call('nobody')
    expect(await one.call('one')).toBe(1)
    await delay(20)
  })
})

describe('deadlines', () => {
  it('p.timeout(ms) rejects the call with the old message', async () => {
    const client = new Client(near)
    const call = client.call('never')
    expect(call.timeout(10)).toBe(call)
    expect(await rejection(call)).toEqual(new Error('timeout'))
  })

  it('-1 and 0 are none', async () => {
    for (const call_timeout of [-1, 0]) {
      const next = lines()
      const client = new Client(near, { call_timeout })
      const call = client.call('slow')
      const { id } = await next()
      await delay(30)
      far.write(`${JSON.stringify({ id, result: 'late', error: null })}\n`)
      expect(await call).toBe('late')
      ;[near, far] = await socketPair()
    }
  })
})

describe('NS-D14', () => {
  it.each([
    'hasOwnProperty',
    'constructor',
    '__proto__',
    'toString',
    'space.hasOwnProperty',
    'one.call',
    'one.apply',
    'value',
    'list.push',
    'space',
    '',
    '.',
  ])('%j is no method', async (name) => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.exposeObject({ one: () => 1, space: { two: () => 2 }, value: 17, list: [] } as never)
    expect(await rejection(one.call(name))).toMatchObject({ code: -32601 })
  })

  it('names of the prototype can be exposed, and touch no prototype', async () => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.expose('__proto__.polluted', () => 'mine')
    two.expose('constructor', () => 'own')
    expect(await one.call('__proto__.polluted')).toBe('mine')
    expect(await one.call('constructor')).toBe('own')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it.each([null, 'text', undefined] as never[])('throwing %j is an answer', async (thrown: Error) => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.expose('throws', () => {
      throw thrown
    })
    expect(await rejection(one.call('throws'))).toMatchObject({ code: -32603, message: String(thrown) })
  })

  it('no stack leaves this side', async () => {
    const [one, two] = [new Duplex(near), new Duplex(far)]
    two.expose('throws', () => {
      throw new Error('broke')
    })
    const error = (await rejection(one.call('throws'))) as RemoteError
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: -32603, message: 'broke' })
  })

  it('exposing changes nothing that was exposed before', () => {
    const server = new Server(near)
    const mine = { one: () => 1 }
    server.expose('space', mine)
    server.expose('space', { two: () => 2 })
    server.expose('space.three', () => 3)
    server.unexpose('space.one')
    expect(Object.keys(mine)).toEqual(['one'])
    expect(Object.keys((server._exposedObject as { space: object }).space)).toEqual(['two', 'three'])
  })
})
