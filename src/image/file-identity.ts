import type { BigIntStats } from 'node:fs'

/**
 * Everything by which a changed or exchanged file shows without being read: device, inode, size and times. Two equal texts
 * mean the same content, apart from changes within one tick of the file system's clock.
 */
export function fileIdentity(stat: BigIntStats): string {
  return `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
}
