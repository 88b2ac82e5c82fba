/** Trace policies that stand in a JSON file. */
import { choiceOption, objectOption } from './option.js'
import { quoteText } from '../printable.js'
import { invalidOptions, parseOptions } from './parse.js'
import { callsOption, learnedFacts, traceLists, type TraceObjectOptions } from './trace-options.js'

const policyFileSchema = objectOption({
  ...traceLists,
  ...learnedFacts,
  onViolation: choiceOption(['kill', 'report']).optional(),
  calls: callsOption().optional(),
})

/** What a policy file can say. */
export type TracePolicyFile = Pick<TraceObjectOptions, 'read' | 'write' | 'exec' | 'connect' | 'onViolation' | 'calls'>

/**
 * Reads a policy file: a JSON object with any of `read`, `write`, `exec`, `connect`, `onViolation` and `calls`. A
 * learned policy is one; what it has besides is left out.
 *
 * @param name the file, for messages
 * @returns options for `trace`
 * @throws {InvalidOptionsError} naming the file and the place in it
 */
export function parseTracePolicyFile(text: string, name: string): TracePolicyFile {
  const subject = `policy file ${quoteText(name, 200)}`
  const raw = parseJson(text.replace(/^\ufeff/, ''), subject)
  parseOptions(policyFileSchema, raw, subject)
  const { version: _version, syscalls: _syscalls, ...file } = raw as TraceObjectOptions
  return file
}

function parseJson(text: string, subject: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = /at position (\d+)/.exec(message)?.[1]
    const hint = position === undefined ? null : placeOf(text, Number(position))
    throw invalidOptions(subject, [{ path: '', got: quoteText(message, 200), allowed: 'JSON with one object', hint }])
  }
}

function placeOf(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n')
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`
}
