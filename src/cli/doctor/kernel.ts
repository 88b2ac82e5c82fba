/** What is known of a kernel by its version. Pure. */
import { ok, warn, type Finding } from './finding.js'

/** The oldest long-term series that is still maintained (kernel.org, "Longterm"). */
const OLDEST_MAINTAINED = [5, 10] as const

/**
 * First releases with the fix of CVE-2026-31431: any process could change files in the page cache that it can only read, read-only
 * mounts and shared image layers included (commit a664bf3d603d; kernel.org ChangeLog-6.12.85, -6.18.22 and -6.19.12).
 */
const PAGE_CACHE_FIX: Readonly<Record<string, number>> = { '6.12': 85, '6.18': 22, '6.19': 12 }
/** Every later series was released with the fix. */
const FIRST_FIXED_SERIES = 7

const UPDATE = "install your distribution's current kernel and start it"

/** @param version - as `uname -r` prints it, for example `5.10.0-28-amd64` */
export function judgeKernel(version: string): Finding {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version)
  if (match === null) return warn('kernel', version, 'its version cannot be read', UPDATE)
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  const [oldestMajor, oldestMinor] = OLDEST_MAINTAINED
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return warn(
      'kernel',
      version,
      `older than ${OLDEST_MAINTAINED.join('.')}: no longer maintained upstream, and never tried`,
      UPDATE,
    )
  }
  if (major >= FIRST_FIXED_SERIES) return ok('kernel', version, 'has the fix of CVE-2026-31431 (page cache)')
  const fixedIn = PAGE_CACHE_FIX[`${major}.${minor}`]
  if (fixedIn !== undefined && patch >= fixedIn)
    return ok('kernel', version, 'has the fix of CVE-2026-31431 (page cache)')
  const meaning =
    fixedIn === undefined
      ? 'its version does not tell whether CVE-2026-31431 (page cache) is fixed; the seccomp profile closes the known way to it'
      : 'CVE-2026-31431 (page cache) is open: the seccomp profile closes the known way to it, its relatives may have others'
  return warn('kernel', version, meaning, `${UPDATE}; look for CVE-2026-31431 in its changelog`)
}
