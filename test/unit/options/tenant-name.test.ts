import { describe, expect, test } from 'vitest'
import { tenantProblem } from '../../../src/options/index.js'

describe('taken', () => {
  test.each([
    'a',
    'acme',
    'acme/alice',
    'a/b/c/d',
    'A.b-c_d',
    '_x',
    '0',
    'a..b',
    'x'.repeat(64),
    `${'x'.repeat(64)}/${'y'.repeat(63)}`,
  ])('%s', (tenant) => expect(tenantProblem(tenant)).toBeNull())
})

describe('refused', () => {
  test.each<[tenant: string, reason: RegExp]>([
    ['', /empty/],
    ['/', /a name in it is empty/],
    ['a/', /a name in it is empty/],
    ['/a', /a name in it is empty/],
    ['a//b', /a name in it is empty/],
    ['a/b/c/d/e', /5 levels/],
    ['.', /a dot or dash/],
    ['..', /a dot or dash/],
    ['a/../b', /a dot or dash/],
    ['-a', /a dot or dash/],
    ['a-', /a dot or dash/],
    ['a.', /a dot or dash/],
    ['a b', /another character/],
    ['a\nb', /another character/],
    ['a\n', /another character/],
    ['a\0', /another character/],
    ['ä', /another character/],
    ['а', /another character/],
    ['a\\b', /another character/],
    ['__proto__', /no name/],
    ['a/__proto__', /no name/],
    ['x'.repeat(65), /another character/],
    ['x'.repeat(129), /129 characters/],
    [`${'x'.repeat(64)}/${'y'.repeat(64)}`, /129 characters/],
  ])('%j', (tenant, reason) => expect(tenantProblem(tenant)).toMatch(reason))
})
