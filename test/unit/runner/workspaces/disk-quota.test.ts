import { expect, test } from 'vitest'
import { hasSysAdmin } from '../../../../src/runner/workspaces/disk-quota.js'
import { findHostTools } from '../../../../src/runner/workspaces/host-tools.js'

test.each([
  ['000001ffffffffff', true],
  ['0000000000200000', true],
  ['00000000a80425fb', false],
  ['0000000000000000', false],
])('capabilities %s: %s', (mask, expected) => {
  expect(hasSysAdmin(`Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${mask}\n`)).toBe(expected)
})

test('no capabilities are none', () => {
  expect(hasSysAdmin('Name:\tnode\n')).toBe(false)
})

test('the first program that is missing is named with its package', () => {
  expect(findHostTools((name) => (name === 'mkfs.ext4' ? null : `/bin/${name}`))).toEqual({
    name: 'mkfs.ext4',
    packageName: 'e2fsprogs',
  })
  expect(findHostTools((name) => `/bin/${name}`)).toMatchObject({ mkfs: '/bin/mkfs.ext4', umount: '/bin/umount' })
})
