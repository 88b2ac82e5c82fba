/** What this file itself was loaded with: everything that the program may have, and what the drop-in needs. */
declare const require: (name: string) => unknown

/** @returns `require` for the names that are permitted, or nothing when none is. */
export function permittedRequire(modules: readonly string[]): { require?: (name: unknown) => unknown } {
  if (modules.length === 0) return {}
  return {
    require(name) {
      if (typeof name === 'string' && isPermitted(name, modules)) return require(name)
      const error = new Error(`Module '${String(name)}' is not permitted; permissions: ${modules.join(', ')}`)
      throw Object.assign(error, { code: 'ERR_MODULE_NOT_PERMITTED' })
    },
  }
}

function isPermitted(name: string, modules: readonly string[]): boolean {
  const bare = name.replace(/^node:/, '')
  return modules.includes(bare) || modules.includes(bare.split('/', 1)[0] as string)
}
