import type { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { objectOption } from './option.js'
import { parseOptions } from './parse.js'

/** Options of `sandbox.reload`. */
export const reloadOptionsSchema = objectOption({
  program: hostPathOption('the program')
    .nullable()
    .optional()
    .describe('Another program; `null` for none. Default: the same file.'),
  methods: hostPathOption('the methods file')
    .nullable()
    .optional()
    .describe('Another methods file; `null` for none. Default: the same file.'),
}).readonly()

/** What a caller gives to `sandbox.reload`. */
export type ReloadOptions = z.input<typeof reloadOptionsSchema>
/** The same, checked. */
export type ParsedReloadOptions = z.output<typeof reloadOptionsSchema>

/** @param raw - options, or the path of a program alone @throws {InvalidOptionsError} */
export function parseReloadOptions(raw: unknown = {}): ParsedReloadOptions {
  return parseOptions(reloadOptionsSchema, typeof raw === 'string' ? { program: raw } : raw, 'reload options')
}
