import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client, Duplex, NamespaceWrapper, RemoteError, Server } from '../../../src/compat/node-sandbox/index.js'
import { rejection } from '../../helpers/sandboxes.js'
import { socketPair } from './socket-pair.js'

let sockets: [Socket, Socket]
beforeEach(async () => {
  sockets = await socketPair()
})
afterEach(() => sockets.forEach((socket) => socket.destroy()))

type Caller = Pick<Client, 'call' | 'notify'>
type Exposer = Pick<Server, 'expose' | 'exposeObject' | 'unexpose'>

const methods = {
  add: (a: number, b: number) => a + b,
  echo: (value: unknown) => value,
  math: { addLater: async (a: number, b: number) => await Promise.resolve(a + b) },
  throws: () => {
    throw new Error('Something broke')
  },
  rejects: () => Promise.reject(new Error('Something broke')),
}

async function checkCalls(caller: Caller): Promise<void> {
  expect(await caller.call('add', [4, 3])).toBe(7)
  const object = { deep: { list: [1, { two: 2 }] } }
  expect(await caller.call('echo', object)).toEqual(object)
  expect(await caller.call('math.addLater', [4, 5])).toBe(9)
  for (const name of ['throws', 'rejects']) {
    expect(await rejection(caller.call(name))).toMatchObject({ code: -32603, message: 'Something broke' })
  }
}

async function checkExpose(exposer: Exposer, caller: Caller): Promise<void> {
  exposer.expose('add', methods.add)
  exposer.expose('echo', methods.echo)
  exposer.expose('math.addLater', methods.math.addLater)
  exposer.expose('throws', methods.throws)
  exposer.expose('rejects', methods.rejects)
  await checkCalls(caller)
  exposer.exposeObject({ only: methods.add })
  expect(await rejection(caller.call('add', [1, 2]))).toMatchObject({ code: -32601 })
  exposer.exposeObject(methods)
  await checkCalls(caller)
}

async function checkUnknown(caller: Caller): Promise<void> {
  const error = await rejection(caller.call('nobody', [1]))
  expect(error).toBeInstanceOf(RemoteError)
  expect(error).toMatchObject({ code: -32601 })
  expect((error as Error).message).toMatch(/^Couldn't find the method requested \(.*nobody\)$/)
}

async function checkNotification(exposer: Exposer, caller: Caller): Promise<void> {
  const heard = new Promise((resolve) => exposer.expose('tell', (...args: unknown[]) => resolve(args)))
  await caller.call('tell', [2, 3])
  expect(await heard).toEqual([2, 3])
}

describe('Client and Server', () => {
  const pair = (): [Client, Server] => [new Client(sockets[0]), new Server(sockets[1])]

  it('NS-T13 call what is exposed, one by one and as an object', async () => {
    const [client, server] = pair()
    await checkExpose(server, client)
  })

  it('NS-T14 answer an unknown method with its code', async () => {
    const [client] = pair()
    await checkUnknown(client)
  })

  it('NS-T15 hand over the parameters', async () => {
    const [client, server] = pair()
    await checkNotification(server, client)
  })

  it('notify without an answer', async () => {
    const [client, server] = pair()
    const heard = new Promise((resolve) => server.expose('tell', resolve))
    expect(client.notify('tell', 'x')).toBeUndefined()
    expect(await heard).toBe('x')
  })

  it('call with the exposed object as `this`, and with one undefined for no parameters', async () => {
    const [client, server] = pair()
    const counter = {
      count: 3,
      next(this: { count: number }, ...args: unknown[]) {
        return [++this.count, args.length]
      },
    }
    server.exposeObject(counter as never)
    expect(await client.call('next')).toEqual([4, 1])
    expect(counter.count).toBe(4)
  })

  it('NS-T19 unexpose exactly what is named', async () => {
    const [client, server] = pair()
    const [foo, bar, qux] = ['foo', 'bar', 'qux'].map((name) => () => name)
    server.exposeObject({ bar, foo: { foo, bar, baz: { foo, qux } } } as never)
    for (const [gone, left] of [
      ['bar', ['foo.foo', 'foo.bar', 'foo.baz.foo', 'foo.baz.qux']],
      ['foo.bar', ['foo.foo', 'foo.baz.foo', 'foo.baz.qux']],
      ['foo.baz.qux', ['foo.foo', 'foo.baz.foo']],
    ] as const) {
      server.unexpose(gone)
      expect(await rejection(client.call(gone))).toMatchObject({ code: -32601 })
      for (const name of left) expect(await client.call(name)).toBe(name.split('.').at(-1))
    }
    expect(() => server.unexpose('no.such.namespace')).toThrow(TypeError)
    expect(() => server.expose('text', 'not a function' as never)).toThrow(TypeError)
  })
})

describe('Duplex and Duplex', () => {
  const directions = ['forth', 'back'] as const
  const pair = (direction: string): [Duplex, Duplex] => {
    const [near, far] = [new Duplex(sockets[0]), new Duplex(sockets[1])]
    return direction === 'forth' ? [near, far] : [far, near]
  }

  it.each(directions)('NS-T16 call what is exposed, %s', async (direction) => {
    const [caller, exposer] = pair(direction)
    await checkExpose(exposer, caller)
  })

  it.each(directions)('NS-T17 answer an unknown method with its code, %s', async (direction) => {
    await checkUnknown(pair(direction)[0])
  })

  it.each(directions)('NS-T18 hand over the parameters, %s', async (direction) => {
    const [caller, exposer] = pair(direction)
    await checkNotification(exposer, caller)
  })

  it('NS-T13 resolve and reject in both directions at once', async () => {
    const [near, far] = pair('forth')
    near.expose('twice', async (n: number) => 2 * ((await near.call('plusOne', [n])) as number))
    far.expose('plusOne', (n: number) => n + 1)
    expect(await far.call('twice', [4])).toBe(10)
  })
})

describe('NamespaceWrapper', () => {
  it('NS-T20 puts a prefix on everything', async () => {
    const [near, far] = [new Duplex(sockets[0]), new Duplex(sockets[1])]
    const [one, two] = [new NamespaceWrapper(near, 'space'), new NamespaceWrapper(far, 'space')]
    for (const [name, method] of Object.entries(methods)) two.expose(name, method)
    await checkCalls(one)
    const heard = new Promise((resolve) => one.expose('tell', (...args: unknown[]) => resolve(args)))
    await two.call('tell', [2, 3])
    expect(await heard).toEqual([2, 3])
    for (const duplex of [near, far]) expect(duplex._exposedObject).toHaveProperty('space')
    await checkUnknown(one)
    expect(one._isWrapper).toBe(true)
  })

  it('replaces and drops its own namespace only, and shows all other members', async () => {
    const [near, far] = [new Duplex(sockets[0]), new Duplex(sockets[1])]
    const wrapper = new NamespaceWrapper(far, 'space')
    const members = wrapper as unknown as Duplex
    far.expose('outside', () => 'outside')
    wrapper.expose('old', () => 'old')
    wrapper.exposeObject({ fresh: () => 'fresh' })
    expect(members._exposedObject).toBe(far._exposedObject)
    expect(await near.call('space.fresh')).toBe('fresh')
    expect(await rejection(near.call('space.old'))).toMatchObject({ code: -32601 })
    wrapper.unexpose()
    expect(await rejection(near.call('space.fresh'))).toMatchObject({ code: -32601 })
    expect(await near.call('outside')).toBe('outside')
    members._exposedObject = { other: () => 'other' }
    expect(await near.call('other')).toBe('other')
  })
})
