/** Which errnos say that the kernel refused something. */

const REFUSALS: ReadonlySet<string> = new Set([
  ...['EACCES', 'EPERM', 'EROFS', 'ENOSYS', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT'],
  ...['ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
])

/** `true` for want of a right, of a network or by seccomp; `false` for what was missing or full. */
export function isRefusal(errno: string): boolean {
  return REFUSALS.has(errno)
}
