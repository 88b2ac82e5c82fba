import { expect, test } from 'vitest'
import { parseMounts } from '../../../../src/runner/workspaces/host-mounts.js'

test('mounts are read with their targets unescaped, whatever optional fields there are', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard',
    '49 22 7:0 / /state/a\\040b\\134c rw,nosuid,nodev,noatime shared:2 master:1 - ext4 /dev/loop0 rw',
    '50 22 0:40 / /plain rw - tmpfs none rw',
    '',
  ].join('\n')
  expect(parseMounts(text)).toEqual([
    { target: '/', type: 'ext4', device: '/dev/vda' },
    { target: '/state/a b\\c', type: 'ext4', device: '/dev/loop0' },
    { target: '/plain', type: 'tmpfs', device: 'none' },
  ])
})
