/** Loads what the host sent: the methods file first, so that its actions are there when the program runs. */
import process from 'node:process'
import type { ProgramLoadParams } from '../../protocol/control.js'
import { arrangeGlobals } from './globals.js'
import { runFile } from './loader.js'
import type { Send } from './messenger.js'
import { createActionCaller, type ActionCaller } from './methods.js'
import { createBuiltinLoader } from './permissions.js'

/** What the files are given. */
export interface LoadContext {
  readonly rpc: object
  readonly send: Send
}

/** @throws {LoadError} @returns what calls an action; without a methods file there is none. */
export async function loadFiles(params: ProgramLoadParams, { rpc, send }: LoadContext): Promise<ActionCaller> {
  const { program, methods, permissions } = params
  const mayUseProcess = permissions.includes('process')
  Object.assign(process, { send })
  arrangeGlobals({ rpc, ...(mayUseProcess ? { process } : {}) })
  const loadBuiltin = createBuiltinLoader(permissions)
  const scope = permissions.length > 0 ? { require: loadBuiltin } : {}
  // Without the permission a methods file has of `process` what it is promised.
  const self = mayUseProcess ? process : { send }
  let callAction = createActionCaller({ methods: {} }, self)
  if (methods !== null) {
    const { exported } = await runFile(methods, { file: 'methods', loadBuiltin, scope: { ...scope, process: self } })
    callAction = createActionCaller(exported, self)
  }
  if (program !== null) await runFile(program, { file: 'program', loadBuiltin, scope })
  return callAction
}
