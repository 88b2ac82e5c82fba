/** Runs a source file of the host: as a script in the manner of CommonJS, or as a module when it is one. */
import vm from 'node:vm'
import { withoutHashbang, type Imports } from './imports.js'
import { LoadError, type LoadedFile } from './load-error.js'
import { isModuleSyntax } from './module-syntax.js'

/** What the host sends with `$/load`. */
export interface SourceFile {
  readonly source: string
  /** For stacks; `.mjs` makes it a module. */
  readonly filename: string
  /** Where the file lies in the guest, or as if it lay there: what it loads is found from here. */
  readonly guestPath: string
}

/** What a file is run with. */
export interface RunOptions {
  /** Which of the two files it is, for errors. */
  readonly file: LoadedFile
  /** What `import` gives. */
  readonly imports: Imports
  /** Names that a script sees besides `module` and `exports`. */
  readonly scope: Readonly<Record<string, unknown>>
}

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
function compileScript(
  { source, filename, guestPath }: SourceFile,
  { file, imports, scope }: RunOptions,
): (() => Exported) | null {
  const module = { exports: {} }
  const names = { module, exports: module.exports, ...scope }
  try {
    const run = vm.compileFunction(withoutHashbang(source), Object.keys(names), {
      filename,
      importModuleDynamically: (name) => imports.import(name, guestPath),
    })
    return () => {
      Reflect.apply(run, module.exports, Object.values(names))
      return { exported: module.exports }
    }
  } catch (error) {
    if (isModuleSyntax(error)) return null
    throw new LoadError(file, 'syntax', error)
  }
}

async function runModule(source: SourceFile, options: RunOptions): Promise<Exported> {
  const module = compileModule(source, options)
  await options.imports.run(module)
  return { exported: module.namespace }
}

function compileModule({ source, filename, guestPath }: SourceFile, { file, imports }: RunOptions): vm.Module {
  try {
    return imports.compile(source, filename, guestPath, { url: filename })
  } catch (error) {
    // For modules node keeps the line to itself; the name of the file is better than nothing.
    if (error instanceof Error) error.stack = `${filename}\n\n${error.stack ?? error.message}`
    throw new LoadError(file, 'syntax', error)
  }
}
