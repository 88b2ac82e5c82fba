/** The shapes of the envelope, checked by hand for speed, against the same written as zod schemas. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ProtocolViolation } from '../../../src/protocol/index.js'
import { parseIncoming } from '../../../src/protocol/rpc-messages.js'

const id = z.union([z.int(), z.string().max(64)])
const jsonrpc = z.literal('2.0')
const method = z.string().max(256)
const params = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional()
const reference = z.union([
  z.strictObject({ jsonrpc, id, method, params }),
  z.strictObject({ jsonrpc, method: method.refine((name) => name !== '$/cancel'), params }),
  z.strictObject({ jsonrpc, method: z.literal('$/cancel'), params: z.strictObject({ id }) }),
  z.strictObject({ jsonrpc, id: z.int(), result: z.unknown().refine((value) => value !== undefined) }),
  z.strictObject({ jsonrpc, id: z.int(), result: z.null(), undefined: z.literal(true) }),
  z.strictObject({
    jsonrpc,
    id: z.int(),
    error: z.strictObject({ code: z.int(), message: z.string(), data: z.unknown().optional() }),
  }),
])

const anyId = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.constantFrom(null, 1.5, true, 1e300, 'x'.repeat(65)),
  fc.jsonValue(),
)
const anyParams = fc.oneof(fc.array(fc.jsonValue()), fc.record({ id: anyId }), fc.jsonValue())
const anyError = fc.oneof(
  fc.record({ code: fc.integer(), message: fc.string(), data: fc.jsonValue() }, { requiredKeys: ['code', 'message'] }),
  fc.record({ code: fc.jsonValue(), message: fc.jsonValue(), extra: fc.jsonValue() }, { requiredKeys: [] }),
  fc.jsonValue(),
)
const members = {
  jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: fc.jsonValue() }),
  id: anyId,
  method: fc.oneof(fc.constantFrom('f', '$/cancel', 'm'.repeat(257)), fc.jsonValue()),
  params: anyParams,
  result: fc.oneof(fc.constant(null), fc.jsonValue()),
  undefined: fc.oneof(fc.constant(true), fc.jsonValue()),
  error: anyError,
  extra: fc.constant(1),
}
const bases = fc.constantFrom<object[]>(
  { jsonrpc: '2.0', id: 1, method: 'f', params: [] },
  { jsonrpc: '2.0', method: 'f' },
  { jsonrpc: '2.0', method: '$/cancel', params: { id: 'x' } },
  { jsonrpc: '2.0', id: 1, result: null },
  { jsonrpc: '2.0', id: 1, result: null, undefined: true },
  { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'm' } },
)

/** A valid message with members changed, added and removed. */
const almost = fc
  .tuple(
    bases,
    fc.record(members, { requiredKeys: [], noNullPrototype: true }),
    fc.subarray(Object.keys(members), { maxLength: 2 }),
    fc.subarray(Object.keys(members), { maxLength: 1 }),
  )
  .map(([base, changes, changed, removed]) => {
    const message: Record<string, unknown> = { ...base }
    for (const key of changed) if (Object.hasOwn(changes, key)) message[key] = changes[key as keyof typeof changes]
    for (const key of removed) Reflect.deleteProperty(message, key)
    return message
  })

test('accepted are exactly the messages that the schemas accept', () => {
  const count = { accepted: 0, refused: 0 }
  fc.assert(
    fc.property(fc.oneof({ weight: 20, arbitrary: almost }, { weight: 1, arbitrary: fc.jsonValue() }), (message) => {
      const accepted = reference.safeParse(message).success
      count[accepted ? 'accepted' : 'refused'] += 1
      if (accepted) parseIncoming(message)
      else expect(() => parseIncoming(message)).toThrow(ProtocolViolation)
    }),
    { numRuns: 10_000 },
  )
  expect(Math.min(count.accepted, count.refused)).toBeGreaterThan(1_000)
})
