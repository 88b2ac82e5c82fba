/** Programs of this host that parts of the package call. */
import { findHostProgram } from '../../image/host-programs.js'
import { fail, ok, warn, type Finding } from './finding.js'

interface Need {
  readonly program: string
  /** Of Debian; other systems call most of them the same. */
  readonly packageName: string
  /** What does not work without. */
  readonly part: string
}

const FOR_SANDBOXES: readonly Need[] = [
  { program: 'flock', packageName: 'util-linux', part: 'any sandbox: uids are given out under a lock' },
]

const FOR_PARTS: readonly Need[] = [
  { program: 'strace', packageName: 'strace', part: 'tracing' },
  { program: 'git', packageName: 'git', part: 'git sources of builds' },
  { program: 'setpriv', packageName: 'util-linux', part: 'git sources of builds' },
  { program: 'prlimit', packageName: 'util-linux', part: 'git sources of builds' },
  { program: 'mmdebstrap', packageName: 'mmdebstrap', part: 'making the base toolchain' },
]

/** What of them is missing. @param find looks for a program; default: where the package itself looks */
export function judgePrograms(find: (name: string) => string | null = findHostProgram): Finding {
  const missing = (needs: readonly Need[]) => needs.filter(({ program }) => find(program) === null)
  const basic = missing(FOR_SANDBOXES)
  const all = [...basic, ...missing(FOR_PARTS)]
  if (all.length === 0) return ok('host programs', 'all there', 'tracing, git sources and the toolchain can be had')
  const names = all.map(({ program }) => program).join(', ')
  const parts = [...new Set(all.map(({ part }) => part))].join('; ')
  const packages = [...new Set(all.map(({ packageName }) => packageName))].join(' ')
  const judge = basic.length === 0 ? warn : fail
  return judge('host programs', `missing: ${names}`, `not available: ${parts}`, `apt-get install ${packages}`)
}
