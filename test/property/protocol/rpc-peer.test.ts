import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RpcPeer, encodeMessage, MessageDecoder, type ProtocolViolation } from '../../../src/protocol/index.js'
import { settle } from '../../helpers/rpc-pair.js'

/** JSON values that can be sent: a member named `__proto__` is refused, which the tests of `encodeMessage` show. */
const sendableJson = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__"'))

const hostile = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      jsonrpc: fc.constant('2.0'),
      id: fc.oneof(fc.integer({ min: -2, max: 9 }), fc.constantFrom(null, '1', 1.5), fc.string()),
      method: fc.oneof(fc.constantFrom('echo', 'throws', '$/cancel', '__proto__', 'constructor'), fc.string()),
      params: fc.oneof(
        fc.array(fc.jsonValue(), { maxLength: 3 }),
        fc.record({ id: fc.integer({ min: -2, max: 9 }) }),
        fc.jsonValue(),
      ),
      result: fc.jsonValue(),
      error: fc.record({ code: fc.integer(), message: fc.string() }),
      undefined: fc.constant(true),
    },
    { requiredKeys: ['jsonrpc'] },
  ),
)

test('whatever comes in: one violation at most, no other exception, no call settled but by its own answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: 12 }), async (messages) => {
      const violations: ProtocolViolation[] = []
      const peer: RpcPeer = new RpcPeer({
        send: () => undefined,
        onViolation(violation) {
          violations.push(violation)
          peer.close(violation)
        },
      })
      peer.expose('echo', (...args: unknown[]) => args)
      peer.expose('throws', () => {
        throw new Error('x')
      })
      const outcomes = new Map<number, unknown>()
      for (let id = 1; id <= 4; id += 1) {
        peer.call('f').then(
          (result) => outcomes.set(id, result),
          (error: unknown) => outcomes.set(id, error),
        )
      }
      const answers = new Map<number, Record<string, unknown>>()
      for (const message of messages) {
        const known = violations.length
        peer.receive(message)
        if (known > 0 || violations.length > 0) continue
        const { id, method, ...answer } = (message ?? {}) as Record<string, unknown>
        if (typeof id === 'number' && method === undefined) answers.set(id, answer)
      }
      await settle()
      expect(violations.length).toBeLessThanOrEqual(1)
      for (const [id, answer] of answers) {
        if (answer['error'] !== undefined) expect(outcomes.get(id)).toMatchObject({ code: 'ERR_RPC' })
        else expect(outcomes.get(id)).toEqual(answer['undefined'] === true ? undefined : answer['result'])
      }
      for (const id of [1, 2, 3, 4].filter((call) => !answers.has(call))) {
        expect(outcomes.get(id)).toBe(violations.length > 0 ? violations[0] : undefined)
      }
    }),
    { numRuns: 2_000 },
  )
})

/** Two peers whose messages arrive in order, after delays that the property chooses. */
function delayedPair(delays: readonly number[]) {
  let turn = 0
  const link = (target: () => RpcPeer) => {
    let last = Promise.resolve()
    return (message: Buffer): void => {
      const ticks = delays[(turn += 1) % delays.length] ?? 0
      last = last.then(async () => {
        for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
        new MessageDecoder((value) => target().receive(value)).push(message)
      })
    }
  }
  const onViolation = (violation: ProtocolViolation): never => {
    throw violation
  }
  const near: RpcPeer = new RpcPeer({ send: link(() => far), onViolation })
  const far: RpcPeer = new RpcPeer({ send: link(() => near), onViolation })
  return [near, far] as const
}

test('honest peers never see a violation, and every call gets its own answer or its cancellation', async () => {
  const call = fc.record({
    side: fc.nat(1),
    value: sendableJson,
    ticks: fc.nat(6),
    cancelAfter: fc.option(fc.nat(12)),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25 }),
      fc.array(fc.nat(5), { minLength: 1, maxLength: 5 }),
      async (calls, delays) => {
        const peers = delayedPair(delays)
        for (const peer of peers) {
          peer.expose('echo', async (value: unknown, ticks: number) => {
            for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
            return value
          })
        }
        const reason = new Error('canceled')
        await Promise.all(
          calls.map(async ({ side, value, ticks, cancelAfter }) => {
            const controller = new AbortController()
            const answer = peers[side as 0 | 1].call('echo', [value, ticks], { signal: controller.signal })
            const outcome = answer.catch((error: unknown) => error)
            for (let tick = 0; tick < (cancelAfter ?? 0); tick += 1) await Promise.resolve()
            if (cancelAfter !== null) controller.abort(reason)
            const result = await outcome
            if (result !== reason) expect(result).toEqual(JSON.parse(JSON.stringify(value)))
          }),
        )
        await settle()
        expect(peers.map((peer) => peer.pendingCalls)).toEqual([0, 0])
      },
    ),
    { numRuns: 500 },
  )
})

test('an encoded message is what a decoder gives to the peer', () => {
  fc.assert(
    fc.property(fc.array(sendableJson), (params) => {
      const encoded = encodeMessage({ jsonrpc: '2.0', method: 'log', params })
      const seen: unknown[] = []
      const peer = new RpcPeer({ send: () => undefined, onViolation: () => expect.unreachable() })
      peer.expose('log', (...args: unknown[]) => seen.push(...args))
      new MessageDecoder((value) => peer.receive(value)).push(encoded)
      expect(JSON.stringify(seen)).toBe(JSON.stringify(params))
    }),
  )
})
