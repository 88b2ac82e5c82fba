import { expect, test } from 'vitest'
import { judgeWorkspaces } from '../../../../src/cli/doctor/workspaces.js'

test('disk workspaces are fine where they can be made', () => {
  expect(judgeWorkspaces({ available: true, reason: null, hint: null })).toMatchObject({ status: 'ok', action: null })
})

test('where they cannot, it says why and what to do, and stops nothing', () => {
  const quota = { available: false, reason: 'the command mkfs.ext4 is missing', hint: 'apt-get install e2fsprogs' }
  expect(judgeWorkspaces(quota)).toMatchObject({
    check: 'disk workspaces',
    status: 'warn',
    found: 'not available: the command mkfs.ext4 is missing',
    action: 'apt-get install e2fsprogs',
  })
})
