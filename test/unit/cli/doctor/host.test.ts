import { expect, test } from 'vitest'
import { findFileSystem, judgeDescriptors, judgeDisk } from '../../../../src/cli/doctor/host.js'
import type { EngineInfo } from '../../../../src/driver/driver.js'

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 524288               files\n`

test.each([
  ['1024', 'warn'],
  ['4096', 'ok'],
  ['unlimited', 'ok'],
])('%s open files: %s', (soft, status) => {
  expect(judgeDescriptors(limits(soft))).toMatchObject({ status, found: `${soft} per process` })
})

const mountinfo = [
  '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard',
  '30 22 254:1 / /var/lib rw,relatime - xfs /dev/vdb rw,prjquota',
  '31 22 254:2 / /var/lib/with\\040space rw - btrfs /dev/vdc rw',
  '32 22 254:3 / /var/lib rw,relatime - xfs /dev/vdd rw,pquota',
  '',
].join('\n')

test.each([
  ['/var/lib/docker', 'xfs', ['rw', 'pquota']],
  ['/var/library', 'ext4', ['rw', 'discard']],
  ['/var/lib/with space/docker', 'btrfs', ['rw']],
])('%s lies on %s', (path, type, options) => {
  expect(findFileSystem(mountinfo, path)).toEqual({ type, options })
})

test('a path that no mount holds', () => {
  expect(findFileSystem('', '/x')).toBeNull()
})

const info = { storageDriver: 'overlay2' } as EngineInfo

test.each([
  [{ type: 'xfs', options: ['rw', 'pquota'] }, 'ok'],
  [{ type: 'xfs', options: ['rw', 'noquota'] }, 'warn'],
  [{ type: 'ext4', options: ['rw', 'prjquota'] }, 'warn'],
  [null, 'warn'],
] as const)('disk quota of %o: %s', (mount, status) => {
  expect(judgeDisk(info, mount)[1]?.status).toBe(status)
})

test('full copies of every image are worth a warning', () => {
  expect(judgeDisk({ ...info, storageDriver: 'vfs' }, null)[0]?.status).toBe('warn')
})
