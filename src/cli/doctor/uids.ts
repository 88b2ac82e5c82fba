/** Whether accounts of this host may use the uids of sandboxes. */
import { readFileSync } from 'node:fs'
import { DEFAULT_USER_RANGE } from '../../options/user-range-options.js'
import { printable } from '../../printable.js'
import { parseSubordinateRanges } from '../../users/subordinate-ids.js'
import { ok, warn, type Finding } from './finding.js'

/** Looks at the default range, which the commands use. */
export function readUidFinding(): Finding {
  return judgeUids(['uid', 'gid'].map((kind) => readText(`/etc/sub${kind}`)).join('\n'))
}

/** @param ranges - the texts of `/etc/subuid` and `/etc/subgid` (subuid(5)) */
export function judgeUids(ranges: string): Finding {
  const { firstUid, lastUid } = DEFAULT_USER_RANGE
  const others = parseSubordinateRanges(ranges).filter(
    ({ first, count }) => first <= lastUid && first + count > firstUid,
  )
  const found = `${firstUid} to ${lastUid}`
  if (others.length === 0) return ok('uids', found, 'no account of this host may use them')
  const owners = [...new Set(others.map(({ owner }) => printable(owner, 40)))].join(', ')
  return warn(
    'uids',
    `${found}, some of them given to ${owners}`,
    'these accounts can be the uid of a sandbox in a user namespace of their own, and so signal it',
    'give the option users a firstUid and lastUid that /etc/subuid and /etc/subgid give to nobody',
  )
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // a host without the file gives to nobody
  }
}
