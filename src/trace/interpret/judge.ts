/** What a policy says to an access. */
import type { TraceAccess } from '../event.js'
import type { TracePolicy } from '../policy.js'
import type { Access } from './access.js'

/** rtnetlink with the kernel itself tells a process about its own network, and leads nowhere. */
const KERNEL_NETLINK = 'netlink:0'

function rightsOf({ access, readsToo, writesToo }: Access): readonly TraceAccess[] {
  if (writesToo === true) return [access, 'write']
  return readsToo === true ? [access, 'read'] : [access]
}

/** Looking for what is not there is no violation; making it would be. */
function isExcused(right: TraceAccess, path: string, errno: string | null): boolean {
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') return false
  return right === 'read' || right === 'exec' || (right === 'connect' && path.startsWith('unix:/'))
}

/**
 * @param errno - how the call failed; `null` when it did not. But for what the rules above excuse, an attempt counts like a deed.
 * @returns `true` without a policy. What a name means must be known, and each of its possible meanings allowed.
 */
export function isAllowed(
  policy: TracePolicy | null,
  access: Access,
  processId: number,
  errno: string | null,
): boolean {
  if (policy === null || access.unreached === true) return true
  const { path, otherPaths } = access
  if (path === null) return errno === 'ENOENT'
  const mayDo = (right: TraceAccess, meant: string) =>
    meant === KERNEL_NETLINK ||
    isExcused(right, meant, errno) ||
    policy.allows({ access: right, path: meant, processId })
  for (const right of rightsOf(access)) {
    if (!mayDo(right, path)) return false
    if (otherPaths?.every((other) => other !== null && mayDo(right, other)) === false) return false
  }
  return true
}
