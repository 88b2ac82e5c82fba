import { expect, test } from 'vitest'
import { parseSandboxOptions } from '../../../../src/options/index.js'
import { AddressMatcher } from '../../../../src/trace/policy/address-matcher.js'

function matcher(connect: (string | RegExp)[]): AddressMatcher {
  return new AddressMatcher(parseSandboxOptions({ trace: { connect } }).trace?.policy?.connect ?? [])
}

test.each<[pattern: string | RegExp, yes: string[], no: string[]]>([
  ['10.0.0.1:443', ['10.0.0.1:443', '[::ffff:10.0.0.1]:443'], ['10.0.0.1:44', '10.0.0.2:443', '110.0.0.1:443']],
  ['10.0.0.0/8:*', ['10.255.0.1:1'], ['11.0.0.1:1', '[::a00:1]:1']],
  ['0.0.0.0/0:80', ['1.2.3.4:80', '[::ffff:1.2.3.4]:80'], ['[::1]:80', '1.2.3.4:81']],
  ['[::/0]:*', ['[fd00::1]:5'], ['10.0.0.1:5']],
  ['[::1]:80', ['[::1]:80', '[0:0::1]:80', '[::1%lo]:80'], ['[::2]:80', '127.0.0.1:80', '[::1]:800']],
  ['[fd00::/9]:*', ['[fd7f::1]:9'], ['[fd80::1]:9', '[fc00::1]:9']],
  ['*:53', ['8.8.8.8:53', '[::1]:53'], ['8.8.8.8:5', 'unix:/x:53', 'x:53', '999.1.1.1:53', ':53']],
  ['*:*', ['8.8.8.8:1', '[::1]:65535'], ['unix:/run/x', 'unix:@x', 'netlink:0']],
  ['unix:/run/x', ['unix:/run/x', 'unix:/run/x/y'], ['unix:/run/xy', 'unix:/run', '/run/x', 'unix:@/run/x']],
  ['unix:/run/*.sock', ['unix:/run/a.sock'], ['unix:/run/a/b.sock', 'unix:/run/a.sock/x']],
  ['unix:@name', ['unix:@name'], ['unix:@nam', 'unix:@name2', 'unix:name']],
  [/^10\.0\.0\.\d+:8\d$/, ['10.0.0.7:80'], ['10.0.0.7:800']],
])('%s', (pattern, yes, no) => {
  const addresses = matcher([pattern])
  for (const address of yes) expect([address, addresses.matches(address)]).toEqual([address, true])
  for (const address of no) expect([address, addresses.matches(address)]).toEqual([address, false])
})

test('an empty list allows nothing', () => {
  expect(matcher([]).matches('127.0.0.1:1')).toBe(false)
})
