import { describe, expect, test } from 'vitest'
import { InvalidOptionsError, InvalidStateError, RpcError, UnsendableError } from '../../../src/errors.js'
import { JsonRpcErrorCode, type RpcCallContext } from '../../../src/protocol/index.js'
import { lonePeer, rpcPair, settle } from '../../helpers/rpc-pair.js'

describe('a call', () => {
  test('works in both directions at once', async () => {
    const { near, far } = rpcPair()
    far.expose('add', (a: number, b: number) => a + b)
    near.expose('double', async (n: number) => Promise.resolve(2 * n))
    far.expose('addDoubled', async (a: number, b: number) => {
      const doubled = (await far.call('double', [b])) as number
      return a + doubled
    })
    expect(await Promise.all([near.call('add', [4, 3]), near.call('addDoubled', [1, 2])])).toEqual([7, 5])
    expect(near.pendingCalls + far.pendingCalls).toBe(0)
  })

  test('spreads an array, hands over an object, and gives nothing when there is nothing', async () => {
    const { near, far } = rpcPair()
    far.expose('args', (...args: unknown[]) => args)
    expect(await near.call('args', [1, [2], { three: 3 }])).toEqual([1, [2], { three: 3 }])
    expect(await near.call('args', { a: 1 })).toEqual([{ a: 1 }])
    expect(await near.call('args')).toEqual([])
  })

  test('leaves out undefined at the end, so that default values hold', async () => {
    const { near, far } = rpcPair()
    far.expose('f', (a: unknown, b: unknown, c = 'default') => [a, b, c])
    expect(await near.call('f', [undefined, 2, undefined])).toEqual([null, 2, 'default'])
    const { peer, sent } = lonePeer()
    void peer.call('f', [undefined, undefined])
    expect(sent()[0]).toMatchObject({ params: [] })
  })

  test.each([[undefined], [null], [0], [''], [false], [[]], [{ then: 'no function' }], [{ a: null }]])(
    'brings back %j as it is',
    async (value) => {
      const { near, far } = rpcPair()
      far.expose('f', () => value)
      expect(await near.call('f')).toEqual(value)
    },
  )

  test('is on the wire what the specification says', async () => {
    const { peer, sent } = lonePeer()
    const result = peer.call('f', [1])
    expect(sent()).toEqual([{ jsonrpc: '2.0', id: 1, method: 'f', params: [1] }])
    peer.receive({ jsonrpc: '2.0', id: 1, result: null, undefined: true })
    expect(await result).toBeUndefined()
  })

  test('runs with its context as this', async () => {
    const { near, far } = rpcPair()
    far.expose('who', function (this: RpcCallContext) {
      return [this.method, this.signal.aborted]
    })
    expect(await near.call('who')).toEqual(['who', false])
  })

  test('can be made from within the answer to another, in order', async () => {
    const { peer, sent } = lonePeer()
    peer.expose('now', () => 1)
    peer.receive({ jsonrpc: '2.0', id: 'a', method: 'now' })
    peer.receive({ jsonrpc: '2.0', id: 7, method: 'now', params: [] })
    expect(sent()).toEqual([
      { jsonrpc: '2.0', id: 'a', result: 1 },
      { jsonrpc: '2.0', id: 7, result: 1 },
    ])
    await settle()
  })

  test.each<[string, () => [unknown, unknown?]]>([
    ['no text as name', () => [7]],
    ['a name that is too long', () => ['x'.repeat(257)]],
    ['text as parameters', () => ['f', 'text']],
    ['null as parameters', () => ['f', null]],
  ])('with %s is refused by a rejection', async (_name, args) => {
    const { peer, sent } = lonePeer()
    await expect(peer.call(...(args() as [string, object]))).rejects.toThrow(InvalidOptionsError)
    expect(sent()).toEqual([])
  })

  test('with a parameter that cannot be sent rejects with its path and leaves nothing behind', async () => {
    const { peer, sent } = lonePeer()
    await expect(peer.call('f', [{ a: 1n }])).rejects.toThrow('$.params[0].a: a BigInt cannot be sent')
    expect([peer.pendingCalls, sent()]).toEqual([0, []])
  })
})

describe('an error', () => {
  test('of a method arrives as RpcError with its message', async () => {
    const { near, far } = rpcPair()
    far.expose('f', () => {
      throw new TypeError('Something broke')
    })
    const error = await near.call('f').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ rpcCode: -32603, message: 'Something broke', code: 'ERR_RPC', data: undefined })
  })

  test('carries code and data when the error has them, and never a stack', async () => {
    const { peer, sent } = lonePeer()
    const data = { errno: 'ENOENT', stage: 'exec' }
    peer.expose('f', () => Promise.reject(Object.assign(new Error('spawn'), { rpcCode: -32010, data })))
    peer.expose('g', () => Promise.reject(new Error('plain')))
    peer.receive({ jsonrpc: '2.0', id: 1, method: 'f' })
    peer.receive({ jsonrpc: '2.0', id: 2, method: 'g' })
    await settle()
    const answers = sent()
    expect(answers.map(({ error }) => error)).toEqual([
      { code: -32010, message: 'spawn', data },
      { code: -32603, message: 'plain' },
    ])
    expect(JSON.stringify(answers)).not.toContain('.ts')
  })

  test.each<[string, unknown, string]>([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['text', 'just text', 'just text'],
    ['an object', {}, '[object Object]'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['what has no text', Object.create(null), 'the method threw a value that has no text'],
    ['a long message', new Error('y'.repeat(5_000)), 'y'.repeat(1_024)],
  ])('thrown as %s is answered', (_name, thrown, message) => {
    const { peer, sent } = lonePeer()
    peer.expose('f', () => {
      throw thrown
    })
    peer.receive({ jsonrpc: '2.0', id: 1, method: 'f' })
    expect(sent()).toEqual([{ jsonrpc: '2.0', id: 1, error: { code: -32603, message } }])
  })

  test('is escaped and cut where it arrives', async () => {
    const { peer } = lonePeer()
    const call = peer.call('f')
    peer.receive({
      jsonrpc: '2.0',
      id: 1,
      error: { code: 5, message: `\u001b[2J\u202e${'z'.repeat(5_000)}`, data: [1] },
    })
    const error = (await call.catch((reason: unknown) => reason)) as RpcError
    expect(error.message).toMatch(/^\\u001b\[2J\\u202ez+…$/)
    expect([error.message.length, error.rpcCode, error.data]).toEqual([1_024, 5, [1]])
  })

  test('of a result that cannot be sent names the path', async () => {
    const { near, far } = rpcPair()
    far.expose('f', () => ({ list: [new Map()] }))
    await expect(near.call('f')).rejects.toThrow('$.result.list[0]: a Map cannot be sent')
  })

  test('of error data that cannot be sent still answers', async () => {
    const { near, far } = rpcPair({ describeError: () => ({ code: 1, message: 'm', data: 1n }) })
    far.expose('f', () => Promise.reject(new Error('x')))
    await expect(near.call('f')).rejects.toThrow('$.error.data: a BigInt cannot be sent')
  })

  test('in describeError still answers', async () => {
    const describeError = () => {
      throw new UnsendableError('x')
    }
    const { near, far } = rpcPair({ describeError })
    far.expose('f', () => Promise.reject(new Error('x')))
    await expect(near.call('f')).rejects.toThrow('the method failed')
  })
})

describe('unknown methods', () => {
  test.each(['nope', '', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'a.b', '$/cancel'])(
    '%j is answered with −32601',
    (method) => {
      const { peer, sent } = lonePeer()
      peer.receive({ jsonrpc: '2.0', id: 1, method, params: { id: 1 } })
      expect(sent()[0]).toMatchObject({ id: 1, error: { code: JsonRpcErrorCode.MethodNotFound } })
    },
  )

  test('in a notification are ignored', () => {
    const { peer, sent, violations } = lonePeer()
    peer.receive({ jsonrpc: '2.0', method: 'nope' })
    expect([sent(), violations]).toEqual([[], []])
  })
})

describe('a notification', () => {
  test('is never answered, whatever its method does', async () => {
    const { peer, sent } = lonePeer()
    const seen: unknown[] = []
    peer.expose('ok', (value: unknown) => seen.push(value))
    peer.expose('throws', () => {
      throw new Error('x')
    })
    peer.expose('rejects', () => Promise.reject(new Error('x')))
    for (const method of ['ok', 'throws', 'rejects']) peer.receive({ jsonrpc: '2.0', method, params: ['x'] })
    await settle()
    expect([seen, sent()]).toEqual([['x'], []])
  })

  test('is sent without an id', () => {
    const { peer, sent } = lonePeer()
    peer.notify('log', ['x', undefined])
    expect(sent()).toEqual([{ jsonrpc: '2.0', method: 'log', params: ['x'] }])
    expect(() => peer.notify('log', [1n])).toThrow(UnsendableError)
  })
})

describe('close', () => {
  test('rejects every pending call with the error, and later ones too', async () => {
    const { peer, sent } = lonePeer()
    const error = new Error('the sandbox ended')
    const calls = [peer.call('a'), peer.call('b', [], { timeoutMs: 10_000 })]
    sent()
    peer.close(error)
    peer.close(new Error('second'))
    for (const call of [...calls, peer.call('c')]) await expect(call).rejects.toBe(error)
    expect(peer.pendingCalls).toBe(0)
    expect(() => peer.notify('x')).toThrow(InvalidStateError)
    expect(sent()).toEqual([])
  })

  test('aborts running methods and drops their results', async () => {
    const { peer, sent } = lonePeer()
    let finish = (_value: unknown): void => undefined
    let signal: AbortSignal | undefined
    peer.expose('slow', function (this: RpcCallContext) {
      signal = this.signal
      return new Promise((resolve) => (finish = resolve))
    })
    peer.receive({ jsonrpc: '2.0', id: 1, method: 'slow' })
    const error = new Error('closed')
    peer.close(error)
    expect([signal?.aborted, signal?.reason]).toEqual([true, error])
    finish('late')
    await settle()
    peer.receive({ jsonrpc: '2.0', id: 2, method: 'slow' })
    expect(sent()).toEqual([])
  })
})
