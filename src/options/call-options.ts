import type { z } from 'zod'
import { abortSignalOption, durationOption, objectOption } from './option.js'
import { parseOptions } from './parse.js'

/** Options of `rpc.call`. */
export const callOptionsSchema = objectOption({
  timeoutMs: durationOption(1, 'the default of `timeouts.callMs`')
    .nullable()
    .default(null)
    .describe('Deadline for the answer. The call then rejects with `CallTimeoutError` and is canceled inside.'),
  signal: abortSignalOption().nullable().default(null).describe('Cancels the call.'),
}).readonly()

/** What a caller gives to `rpc.call`. */
export type CallOptions = z.input<typeof callOptionsSchema>
/** The same with every default filled in. */
export type ParsedCallOptions = z.output<typeof callOptionsSchema>

/** @throws {InvalidOptionsError} */
export function parseCallOptions(raw: unknown = {}): ParsedCallOptions {
  return parseOptions(callOptionsSchema, raw, 'call options')
}
