/** Runs a source file of the host: as a script in the manner of CommonJS, or as a module when it is one. */
import vm from 'node:vm'
import { LoadError, type LoadedFile } from './load-error.js'
import type { BuiltinLoader } from './permissions.js'

/** What the host sends with `$/load`. */
export interface SourceFile {
  readonly source: string
  /** For stacks; `.mjs` makes it a module. */
  readonly filename: string
}

/** What a file is run with. */
export interface RunOptions {
  /** Which of the two files it is, for errors. */
  readonly file: LoadedFile
  /** What `import` gives. */
  readonly loadBuiltin: BuiltinLoader
  /** Names that a script sees besides `module` and `exports`. */
  readonly scope: Readonly<Record<string, unknown>>
}

/** What V8 says when a script holds something that only a module may. */
const MODULE_SYNTAX = /import statement|Unexpected token 'export'|'import\.meta'|await is only valid/

/** What a file exports: `module.exports`, or the module's namespace. Wrapped, since it may have a `then`. */
export interface Exported {
  readonly exported: unknown
}

/**
 * Runs the file, with its top-level `await`s when it is a module.
 * @throws {LoadError}
 */
export async function runFile(source: SourceFile, options: RunOptions): Promise<Exported> {
  const script = source.filename.endsWith('.mjs') ? null : compileScript(source, options)
  try {
    return await (script === null ? runModule(source, options) : script())
  } catch (error) {
    throw error instanceof LoadError ? error : new LoadError(options.file, 'throw', error)
  }
}

/** @returns `null` when it is a module. */
function compileScript({ source, filename }: SourceFile, options: RunOptions): (() => Exported) | null {
  const module = { exports: {} }
  const scope = { module, exports: module.exports, ...options.scope }
  try {
    const run = vm.compileFunction(source.replace(/^#!/, '//'), Object.keys(scope), {
      filename,
      importModuleDynamically: (name) => importBuiltin(name, options.loadBuiltin),
    })
    return () => {
      Reflect.apply(run, module.exports, Object.values(scope))
      return { exported: module.exports }
    }
  } catch (error) {
    if (error instanceof SyntaxError && MODULE_SYNTAX.test(error.message)) return null
    throw new LoadError(options.file, 'syntax', error)
  }
}

async function runModule(source: SourceFile, options: RunOptions): Promise<Exported> {
  const module = compileModule(source, options)
  await module.link((name) => createBuiltinModule(name, options.loadBuiltin))
  await module.evaluate()
  return { exported: module.namespace }
}

function compileModule({ source, filename }: SourceFile, options: RunOptions): vm.SourceTextModule {
  try {
    return new vm.SourceTextModule(source.replace(/^#!/, '//'), {
      identifier: filename,
      initializeImportMeta: (meta) => Object.assign(meta, { url: filename }),
      importModuleDynamically: (name: string) => importBuiltin(name, options.loadBuiltin),
    })
  } catch (error) {
    // For modules node keeps the line to itself; the name of the file is better than nothing.
    if (error instanceof Error) error.stack = `${filename}\n\n${error.stack ?? error.message}`
    throw new LoadError(options.file, 'syntax', error)
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
