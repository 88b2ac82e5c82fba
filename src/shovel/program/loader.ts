/** Runs a program: as a script in the manner of CommonJS, or as a module when it is one. */
import vm from 'node:vm'
import { LoadError } from './load-error.js'
import type { BuiltinLoader } from './permissions.js'

/** What the host sends with `$/load`. */
export interface ProgramSource {
  readonly source: string
  /** For stacks; `.mjs` makes it a module. */
  readonly filename: string
}

/** What V8 says when a script holds something that only a module may. */
const MODULE_SYNTAX = /import statement|Unexpected token 'export'|'import\.meta'|await is only valid/

/**
 * Runs the program, with its top-level `await`s when it is a module.
 * @param loadBuiltin what `import` gives; `withRequire` also makes it the script's `require`.
 * @throws {LoadError}
 */
export async function runProgram(
  program: ProgramSource,
  loadBuiltin: BuiltinLoader,
  withRequire: boolean,
): Promise<void> {
  const script = program.filename.endsWith('.mjs') ? null : compileScript(program, loadBuiltin, withRequire)
  try {
    await (script === null ? runModule(program, loadBuiltin) : script())
  } catch (error) {
    throw error instanceof LoadError ? error : new LoadError('throw', error)
  }
}

/** @returns `null` when it is a module. */
function compileScript(
  { source, filename }: ProgramSource,
  loadBuiltin: BuiltinLoader,
  withRequire: boolean,
): (() => void) | null {
  const module = { exports: {} }
  const scope = { module, exports: module.exports, ...(withRequire ? { require: loadBuiltin } : {}) }
  try {
    const run = vm.compileFunction(source.replace(/^#!/, '//'), Object.keys(scope), {
      filename,
      importModuleDynamically: (name) => importBuiltin(name, loadBuiltin),
    })
    return () => void Reflect.apply(run, module.exports, Object.values(scope))
  } catch (error) {
    if (error instanceof SyntaxError && MODULE_SYNTAX.test(error.message)) return null
    throw new LoadError('syntax', error)
  }
}

async function runModule({ source, filename }: ProgramSource, loadBuiltin: BuiltinLoader): Promise<void> {
  const module = compileModule(source, filename, loadBuiltin)
  await module.link((name) => createBuiltinModule(name, loadBuiltin))
  await module.evaluate()
}

function compileModule(source: string, filename: string, loadBuiltin: BuiltinLoader): vm.SourceTextModule {
  try {
    return new vm.SourceTextModule(source.replace(/^#!/, '//'), {
      identifier: filename,
      initializeImportMeta: (meta) => Object.assign(meta, { url: filename }),
      importModuleDynamically: (name: string) => importBuiltin(name, loadBuiltin),
    })
  } catch (error) {
    // For modules node keeps the line to itself; the name of the file is better than nothing.
    if (error instanceof Error) error.stack = `${filename}\n\n${error.stack ?? error.message}`
    throw new LoadError('syntax', error)
  }
}

async function importBuiltin(name: string, loadBuiltin: BuiltinLoader): Promise<vm.Module> {
  const module = createBuiltinModule(name, loadBuiltin)
  await module.link(() => Promise.reject(new Error('a built-in module imports nothing')))
  await module.evaluate()
  return module
}

function createBuiltinModule(name: string, loadBuiltin: BuiltinLoader): vm.SyntheticModule {
  const builtin = loadBuiltin(name) as Record<string, unknown>
  const names = Object.keys(builtin).filter((key) => key !== 'default')
  const module = new vm.SyntheticModule(['default', ...names], () => {
    module.setExport('default', builtin)
    for (const key of names) module.setExport(key, builtin[key])
  })
  return module
}
