import type { z } from 'zod'
import { abortSignalOption, booleanOption, integerOption, objectOption } from '../../options/option.js'
import { parseOptions } from '../../options/parse.js'

/** Options of `readBuildLog`. */
export const readLogOptionsSchema = objectOption({
  follow: booleanOption().default(false).describe('Waits for what is still to come, until the build is finished.'),
  from: integerOption({ min: 0, max: Number.MAX_SAFE_INTEGER, unit: '`seq` of an event' })
    .default(0)
    .describe('Leaves out the events before this one.'),
  signal: abortSignalOption().nullable().default(null).describe('Ends the reading: the iteration throws its reason.'),
}).readonly()

/** What a caller gives. */
export type ReadLogOptions = z.input<typeof readLogOptionsSchema>
/** The same, checked and completed. */
export type ParsedReadLogOptions = z.output<typeof readLogOptionsSchema>

/** @throws {InvalidOptionsError} */
export function parseReadLogOptions(raw: unknown = {}): ParsedReadLogOptions {
  return parseOptions(readLogOptionsSchema, raw, 'options of readBuildLog')
}
