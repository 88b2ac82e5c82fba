import { describe, expect, test } from 'vitest'
import { CapacityError } from '../../../src/errors.js'
import { encodeMessage, MAX_PENDING_CALLS, MessageDecoder } from '../../../src/protocol/index.js'
import { MAX_QUEUED_MESSAGE_BYTES, MAX_RUNNING_BYTES, MAX_RUNNING_NOTIFICATIONS } from '../../../src/protocol/limits.js'
import { lonePeer, settle } from '../../helpers/rpc-pair.js'

const never = () => new Promise<never>(() => undefined)

describe('pending calls', () => {
  test('of ours are capped; an answer makes room', async () => {
    const { peer } = lonePeer()
    const calls = Array.from({ length: MAX_PENDING_CALLS }, () => peer.call('f'))
    await expect(peer.call('f')).rejects.toThrow(CapacityError)
    peer.receive({ jsonrpc: '2.0', id: 5, result: 'five' })
    expect(await calls[4]).toBe('five')
    const again = peer.call('f')
    await Promise.resolve()
    expect(peer.pendingCalls).toBe(MAX_PENDING_CALLS)
    peer.close(new Error('done'))
    await Promise.allSettled([...calls, again])
  })

  test('of theirs beyond the cap are answered with −32000, and their methods not run', async () => {
    const { peer, sent, violations } = lonePeer()
    let started = 0
    peer.expose('stuck', () => {
      started += 1
      return never()
    })
    for (let id = 0; id < 2_000; id += 1) peer.receive({ jsonrpc: '2.0', id, method: 'stuck' })
    const answers = sent()
    expect([started, answers.length, violations.length]).toEqual([MAX_PENDING_CALLS, 2_000 - MAX_PENDING_CALLS, 0])
    expect(answers[0]).toMatchObject({ id: MAX_PENDING_CALLS, error: { code: -32000 } })
    await settle()
  })

  test('of theirs free their place when the method ends, however it ends', async () => {
    const { peer, sent } = lonePeer()
    peer.expose('returns', () => 1)
    peer.expose('resolves', () => Promise.resolve(1))
    peer.expose('rejects', () => Promise.reject(new Error('x')))
    const methods = ['returns', 'resolves', 'rejects']
    for (let id = 0; id < 3 * MAX_PENDING_CALLS; id += 1) {
      peer.receive({ jsonrpc: '2.0', id, method: methods[id % 3] })
      if (id % 1_000 === 999) await settle()
    }
    await settle()
    const codes = sent().map(({ error }) => (error as { code: number } | undefined)?.code)
    expect(codes).toHaveLength(3 * MAX_PENDING_CALLS)
    expect(new Set(codes)).toEqual(new Set([undefined, -32603]))
  })

  test('of theirs hold no more than 64 MiB, and give it back when the method ends', async () => {
    const { peer, sent, violations } = lonePeer()
    const ends: (() => void)[] = []
    peer.expose('slow', () => new Promise<void>((resolve) => ends.push(resolve)))
    const decoder = new MessageDecoder((value, cost) => peer.receive(value, cost))
    const params = ['x'.repeat(8 * 1024 * 1024)]
    const call = (id: number) => decoder.push(encodeMessage({ jsonrpc: '2.0', id, method: 'slow', params }))
    const notify = () => decoder.push(encodeMessage({ jsonrpc: '2.0', method: 'slow', params }))
    for (let id = 0; id < 4; id += 1) call(id)
    for (let count = 0; count < 3; count += 1) notify()
    expect(ends).toHaveLength(7)
    call(10)
    notify()
    expect([ends.length, peer.droppedNotifications]).toEqual([7, 1])
    expect(sent()).toMatchObject([{ id: 10, error: { code: -32000 } }])
    for (const end of ends.splice(0)) end()
    await settle()
    for (let id = 11; id < 18; id += 1) call(id)
    expect([ends.length, violations.length]).toEqual([7, 0])
  })

  test('of theirs count values that are small as text and large in memory', () => {
    const { peer } = lonePeer()
    let started = 0
    peer.expose('slow', () => ((started += 1), never()))
    const decoder = new MessageDecoder((value, cost) => peer.receive(value, cost))
    const params = Array.from({ length: 10_000 }, () => Array.from({ length: 10 }, () => []))
    const message = encodeMessage({ jsonrpc: '2.0', method: 'slow', params })
    for (let count = 0; count < 100; count += 1) decoder.push(message)
    expect(100 * message.length).toBeLessThan(MAX_RUNNING_BYTES)
    expect(started).toBeGreaterThan(2)
    expect(started).toBeLessThan(15)
  })

  test('of notifications free their place too', async () => {
    const { peer } = lonePeer()
    let started = 0
    peer.expose('log', () => Promise.resolve((started += 1)))
    for (let count = 0; count < 2 * MAX_RUNNING_NOTIFICATIONS; count += 1) {
      peer.receive({ jsonrpc: '2.0', method: 'log' })
      if (count % 1_000 === 999) await settle()
    }
    expect([started, peer.droppedNotifications]).toEqual([2 * MAX_RUNNING_NOTIFICATIONS, 0])
  })

  test('notifications whose methods do not end are dropped beyond a cap, and counted', () => {
    const { peer, sent } = lonePeer()
    let started = 0
    peer.expose('stuck', () => {
      started += 1
      return never()
    })
    for (let count = 0; count < MAX_RUNNING_NOTIFICATIONS + 5; count += 1)
      peer.receive({ jsonrpc: '2.0', method: 'stuck' })
    expect([started, peer.droppedNotifications, sent()]).toEqual([MAX_RUNNING_NOTIFICATIONS, 5, []])
  })
})

test('too many positional parameters are refused before they reach the stack', () => {
  const { peer, sent } = lonePeer()
  peer.expose('f', (...args: unknown[]) => args.length)
  peer.receive({ jsonrpc: '2.0', id: 1, method: 'f', params: Array.from({ length: 16_384 }, () => 0) })
  peer.receive({ jsonrpc: '2.0', id: 2, method: 'f', params: Array.from({ length: 16_385 }, () => 0) })
  expect(sent()).toEqual([
    { jsonrpc: '2.0', id: 1, result: 16_384 },
    { jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'at most 16384 positional parameters are allowed' } },
  ])
})

describe('a peer that does not read', () => {
  function unread() {
    const state = { queuedBytes: 0 }
    const lone = lonePeer({ queuedBytes: () => state.queuedBytes })
    lone.peer.expose('big', () => 'x')
    return { ...lone, state }
  }

  test('gets no calls and no notifications above the cap', async () => {
    const { peer, state, sent } = unread()
    state.queuedBytes = MAX_QUEUED_MESSAGE_BYTES + 1
    await expect(peer.call('f')).rejects.toThrow(CapacityError)
    expect(() => peer.notify('f')).toThrow(CapacityError)
    expect([peer.pendingCalls, sent()]).toEqual([0, []])
  })

  test('gets errors in place of results above the cap, and a violation above twice the cap', () => {
    const { peer, state, sent, violations } = unread()
    state.queuedBytes = MAX_QUEUED_MESSAGE_BYTES + 1
    peer.receive({ jsonrpc: '2.0', id: 1, method: 'big' })
    expect(sent()).toMatchObject([{ id: 1, error: { code: -32000 } }])
    state.queuedBytes = 2 * MAX_QUEUED_MESSAGE_BYTES + 1
    peer.receive({ jsonrpc: '2.0', id: 2, method: 'big' })
    expect(sent()).toEqual([])
    expect(violations.map(({ detail }) => detail)).toEqual(['calls without reading the answers'])
  })
})
