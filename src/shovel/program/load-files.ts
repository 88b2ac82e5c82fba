/** Loads what the host sent: the methods file first, so that its actions are there when the program runs. */
import { dirname } from 'node:path'
import process from 'node:process'
import type { ProgramLoadParams } from '../../protocol/control.js'
import { arrangeGlobals } from './globals.js'
import { createHomeResolver } from './home-imports.js'
import { guardRequire, requireOf } from './home-require.js'
import { builtinImports, Imports } from './imports.js'
import { runFile, type SourceFile } from './loader.js'
import type { Send } from './messenger.js'
import { createActionCaller, type ActionCaller } from './methods.js'
import { createBuiltinLoader, HomeFiles, type BuiltinLoader } from './permissions.js'

/** What the files are given. */
export interface LoadContext {
  readonly rpc: object
  readonly send: Send
}

/** How modules are loaded. */
interface Loading {
  readonly imports: Imports
  /** Names that a script has for loading modules. */
  readonly scopeOf: (file: SourceFile) => Readonly<Record<string, unknown>>
}

/** @throws {LoadError} @returns what calls an action; without a methods file there is none. */
export async function loadFiles(params: ProgramLoadParams, { rpc, send }: LoadContext): Promise<ActionCaller> {
  const { program, methods, permissions, home } = params
  const mayUseProcess = permissions.includes('process')
  Object.assign(process, { send })
  // Packages of a home are written for node, where the global object has this name.
  const names = { ...(mayUseProcess ? { process } : {}), ...(home === null ? {} : { global: globalThis }) }
  arrangeGlobals({ rpc, ...names })
  const loadBuiltin = createBuiltinLoader(permissions)
  const { imports, scopeOf } =
    home === null ? builtinLoading(loadBuiltin, permissions.length > 0) : homeLoading(loadBuiltin, home)
  // Without the permission a methods file has of `process` what it is promised.
  const self = mayUseProcess ? process : { send }
  let callAction = createActionCaller({ methods: {} }, self)
  if (methods !== null) {
    const scope = { ...scopeOf(methods), process: self }
    const { exported } = await runFile(methods, { file: 'methods', imports, scope })
    callAction = createActionCaller(exported, self)
  }
  if (program !== null) await runFile(program, { file: 'program', imports, scope: scopeOf(program) })
  return callAction
}

function builtinLoading(loadBuiltin: BuiltinLoader, hasRequire: boolean): Loading {
  const scope = hasRequire ? { require: loadBuiltin } : {}
  return { imports: builtinImports(loadBuiltin), scopeOf: () => scope }
}

function homeLoading(loadBuiltin: BuiltinLoader, paths: readonly string[]): Loading {
  const home = new HomeFiles(paths)
  guardRequire(home, loadBuiltin)
  return {
    imports: new Imports(createHomeResolver(home, loadBuiltin)),
    scopeOf: ({ guestPath }) => ({
      require: requireOf(guestPath),
      __filename: guestPath,
      __dirname: dirname(guestPath),
    }),
  }
}
