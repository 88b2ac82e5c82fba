import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSandboxOptions } from '../../../../src/options/index.js'
import { AddressMatcher } from '../../../../src/trace/policy/address-matcher.js'

interface Family {
  readonly bits: number
  readonly write: (value: bigint) => string
  readonly withPort: (host: string, port: number | '*') => string
}

const four: Family = {
  bits: 32,
  write: (value) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.'),
  withPort: (host, port) => `${host}:${port}`,
}

const six: Family = {
  bits: 128,
  write: (value) =>
    Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16)).join(':'),
  withPort: (host, port) => `[${host}]:${port}`,
}

const port = fc.constantFrom(1, 80, 443, 65_535)

test.each([
  ['IPv4', four],
  ['IPv6', six],
])('networks of %s: the leading bits decide', (_name, { bits, write, withPort }) => {
  const max = (1n << BigInt(bits)) - 1n
  // An address that differs from the network's in one chosen bit, or in many.
  const tried = fc.record({
    network: fc.bigInt({ min: 0n, max }),
    prefix: fc.integer({ min: 0, max: bits }),
    change: fc.oneof(
      fc.bigInt({ min: 0n, max }),
      fc.integer({ min: 0, max: bits - 1 }).map((bit) => 1n << BigInt(bit)),
    ),
    wanted: fc.oneof(port, fc.constant('*' as const)),
    given: port,
  })
  fc.assert(
    fc.property(tried, ({ network, prefix, change, wanted, given }) => {
      // ::ffff:0:0/96 are IPv4 addresses, which have a test of their own.
      fc.pre(bits === 32 || (network >> 32n !== 0xffffn && (network ^ change) >> 32n !== 0xffffn))
      const connect = [withPort(`${write(network)}/${prefix}`, wanted)]
      const matcher = new AddressMatcher(parseSandboxOptions({ trace: { connect } }).trace?.policy?.connect ?? [])
      const inside = change >> BigInt(bits - prefix) === 0n
      const expected = inside && (wanted === '*' || wanted === given)
      expect(matcher.matches(withPort(write(network ^ change), given))).toBe(expected)
    }),
    { numRuns: 1000 },
  )
})
