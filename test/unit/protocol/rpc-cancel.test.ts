import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CallTimeoutError, InvalidOptionsError } from '../../../src/errors.js'
import type { RpcCallContext } from '../../../src/protocol/index.js'
import { lonePeer, rpcPair, settle } from '../../helpers/rpc-pair.js'

describe('a deadline', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('rejects with the time and the method, and tells the other side', async () => {
    const { peer, sent } = lonePeer()
    const call = peer.call('slow', [], { timeoutMs: 250 })
    const outcome = expect(call).rejects.toThrow(expect.objectContaining({ code: 'ERR_CALL_TIMEOUT', retryable: true }))
    sent()
    vi.advanceTimersByTime(249)
    expect(sent()).toEqual([])
    vi.advanceTimersByTime(1)
    await outcome
    expect(sent()).toEqual([{ jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } }])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of the peer holds for calls that name none', async () => {
    const { peer } = lonePeer({ callTimeoutMs: 100 })
    const calls = [peer.call('a'), peer.call('b', [], { timeoutMs: Infinity })]
    calls[1]?.catch(() => undefined)
    const outcome = expect(calls[0]).rejects.toBeInstanceOf(CallTimeoutError)
    vi.advanceTimersByTime(100)
    await outcome
    expect(peer.pendingCalls).toBe(1)
  })

  test('leaves no timer behind when the answer comes', async () => {
    const { peer } = lonePeer()
    const call = peer.call('f', [], { timeoutMs: 2 ** 40 })
    expect(vi.getTimerCount()).toBe(1)
    peer.receive({ jsonrpc: '2.0', id: 1, result: 1 })
    expect([await call, vi.getTimerCount()]).toEqual([1, 0])
  })

  test.each([0, -1, NaN, '5' as unknown as number])('of %s is refused', async (timeoutMs) => {
    await expect(lonePeer().peer.call('f', [], { timeoutMs })).rejects.toThrow(InvalidOptionsError)
  })

  test.each([
    ['a late result', { result: 1 }],
    ['a late error', { error: { code: -32800, message: 'canceled' } }],
  ])('drops %s once; a second one is a violation', async (_name, members) => {
    const { peer, violations } = lonePeer()
    const outcome = expect(peer.call('f', [], { timeoutMs: 1 })).rejects.toBeInstanceOf(CallTimeoutError)
    vi.advanceTimersByTime(1)
    await outcome
    peer.receive({ jsonrpc: '2.0', id: 1, ...members })
    expect(violations).toEqual([])
    peer.receive({ jsonrpc: '2.0', id: 1, ...members })
    expect(violations).toHaveLength(1)
  })

  test('of thousands of calls needs bounded memory, and an honest peer may still answer all', async () => {
    const { peer, violations } = lonePeer()
    const outcomes = []
    for (let round = 0; round < 3; round += 1) {
      for (let count = 0; count < 1_000; count += 1)
        outcomes.push(peer.call('f', [], { timeoutMs: 1 }).catch(() => 'late'))
      await Promise.resolve()
      vi.advanceTimersByTime(1)
    }
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['late']))
    expect(peer['outgoing']['abandoned'].size).toBe(1_024)
    for (let id = 1; id <= 3_000; id += 1) peer.receive({ jsonrpc: '2.0', id, result: id })
    expect(violations).toEqual([])
    peer.receive({ jsonrpc: '2.0', id: 3_001, result: 1 })
    expect(violations).toHaveLength(1)
  })
})

describe('a signal', () => {
  test('that is aborted already sends nothing', async () => {
    const { peer, sent } = lonePeer()
    const reason = new Error('no')
    await expect(peer.call('f', [], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(sent()).toEqual([])
  })

  test('rejects with its reason and aborts the method on the other side', async () => {
    const { near, far } = rpcPair()
    let context: RpcCallContext | undefined
    far.expose('slow', function (this: RpcCallContext) {
      // eslint-disable-next-line @typescript-eslint/no-this-alias -- the test looks at the context later
      context = this
      return new Promise(() => undefined)
    })
    const controller = new AbortController()
    const call = near.call('slow', [], { signal: controller.signal })
    await settle()
    const reason = new Error('the user went away')
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    await settle()
    // The signal is made when it is asked for, also after the cancellation.
    expect([context?.signal.aborted, (context?.signal.reason as Error).name]).toEqual([true, 'AbortError'])
  })

  test('is let go when the call has ended', async () => {
    const { near, far } = rpcPair()
    far.expose('f', () => 1)
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    await near.call('f', [], { signal })
    expect(removed).toHaveBeenCalledTimes(1)
  })
})

describe('$/cancel from the other side', () => {
  function running() {
    const lone = lonePeer()
    let finish = (_value: unknown): void => undefined
    lone.peer.expose('slow', () => new Promise((resolve) => (finish = resolve)))
    lone.peer.receive({ jsonrpc: '2.0', id: 'x', method: 'slow' })
    return { ...lone, finish: (value: unknown) => finish(value) }
  }
  const cancel = (id: unknown) => ({ jsonrpc: '2.0', method: '$/cancel', params: { id } })

  test('is answered at once with −32800, and the late result is dropped', async () => {
    const { peer, sent, finish } = running()
    peer.receive(cancel('x'))
    peer.receive(cancel('x'))
    expect(sent()).toEqual([{ jsonrpc: '2.0', id: 'x', error: { code: -32800, message: 'the call was canceled' } }])
    finish(1)
    await settle()
    expect(sent()).toEqual([])
  })

  test('after the answer, or for an id that never was, is ignored', async () => {
    const { peer, sent, finish, violations } = running()
    finish(1)
    await settle()
    sent()
    peer.receive(cancel('x'))
    peer.receive(cancel(99))
    expect([sent(), violations]).toEqual([[], []])
  })

  test('does not free the place of a method that still runs', async () => {
    const { peer, sent } = lonePeer()
    let started = 0
    peer.expose('stuck', () => {
      started += 1
      return new Promise(() => undefined)
    })
    for (let id = 0; id < 3_000; id += 1) {
      peer.receive({ jsonrpc: '2.0', id, method: 'stuck' })
      peer.receive(cancel(id))
    }
    await settle()
    expect(started).toBe(1_024)
    expect(sent().filter(({ error }) => (error as { code: number }).code === -32000)).toHaveLength(3_000 - 1_024)
  })

  test.each([[undefined], [[]], [{}], [{ id: null }], [{ id: 1, more: 1 }], [{ id: 1.5 }], [[1]]])(
    'with params %j is a violation',
    (params) => {
      const { peer, violations } = lonePeer()
      peer.receive({ jsonrpc: '2.0', method: '$/cancel', ...(params === undefined ? {} : { params }) })
      expect(violations).toHaveLength(1)
    },
  )
})
