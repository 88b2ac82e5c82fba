/** Halves of plugins that run beside the program. They may load every built-in module, whatever the program is permitted. */
import { isBuiltin } from 'node:module'
import process from 'node:process'
import { OldParts } from '../../../shovel/program/old-parts.js'
import type { GuestPart } from '../link/link.js'

/** What one half wants to be told. */
export interface PartHooks {
  afterLoad(source: string): void
  execute(): void
  loadError(error: Error): void
}

/** @throws what the files throw. */
export function loadParts(parts: readonly GuestPart[]): PartHooks[] {
  const oldParts = new OldParts(loadBuiltin)
  return parts.map((part) => {
    const { afterLoad, execute, loadError } = oldParts.load({ ...part, form: 'class' })
    return {
      afterLoad: (source) => void afterLoad?.(source),
      execute: () => void execute?.(undefined),
      loadError: (error) => void loadError?.(error),
    }
  })
}

function loadBuiltin(name: unknown): unknown {
  if (typeof name === 'string' && isBuiltin(name)) return process.getBuiltinModule(name)
  const error = new Error(
    `Cannot find module '${String(name)}': there are the plugin's own files, and built-in modules`,
  )
  throw Object.assign(error, { code: 'MODULE_NOT_FOUND' })
}
