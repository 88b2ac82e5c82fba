import process from 'node:process'

/**
 * What an honest program of the old package used `process` for. Its way to every module, `mainModule`, is not among it; nor are
 * `binding`, `kill` and `dlopen`, which the old package removed.
 */
export function oldProcess(modules: readonly string[]): object {
  if (modules.includes('process')) return process
  const { arch, env, pid, platform, version, versions } = process
  return {
    arch,
    argv: [],
    env: { ...env },
    pid,
    platform,
    version,
    versions,
    exit: (code?: number) => process.exit(code),
    hrtime: (since?: [number, number]) => process.hrtime(since),
    memoryUsage: () => process.memoryUsage(),
    nextTick: (work: (...args: unknown[]) => void, ...args: unknown[]) => process.nextTick(work, ...args),
    uptime: () => process.uptime(),
  }
}
