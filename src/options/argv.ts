import { z } from 'zod'
import { MAX_ARGUMENT_BYTES } from './env.js'
import { parseOptions } from './parse.js'
import { group, optionFacts, textOption, textProblem } from './option.js'
import { MAX_PATH_BYTES } from './guest-path.js'

/** Linux takes a quarter of the stack limit for arguments and environment: 2 MiB with the usual 8 MiB (execve(2)). */
const MAX_ARGV_BYTES = 2 * 1024 * 1024
const MAX_ARGUMENTS = 65_536

const ARGUMENT = `a text without NUL of at most ${group(MAX_ARGUMENT_BYTES)} bytes`

/** The file of a command: a path, or a name that is looked up in the command's `PATH`. */
export const commandFileSchema = textOption(
  { type: 'string', allowed: `a name or path of 1 to ${MAX_PATH_BYTES} bytes` },
  (file) => (file === '' ? 'it is empty' : textProblem(file, MAX_PATH_BYTES)),
)

/** The arguments of a command, without its own name. */
export const argumentsSchema = z
  .array(
    textOption({ type: 'string', allowed: ARGUMENT }, (argument) => textProblem(argument, MAX_ARGUMENT_BYTES)),
    { error: 'an array of strings' },
  )
  .max(MAX_ARGUMENTS, { error: `at most ${group(MAX_ARGUMENTS)} arguments` })
  .refine((list) => list.reduce((sum, argument) => sum + Buffer.byteLength(argument) + 1, 0) <= MAX_ARGV_BYTES, {
    error: `arguments of ${group(MAX_ARGV_BYTES)} bytes in all; write a long list to a file`,
  })
  .register(optionFacts, { type: 'array of strings', allowed: `at most ${group(MAX_ARGUMENTS)}, 2MiB in all` })
  .readonly()

const argvSchema = z.strictObject({ file: commandFileSchema, args: argumentsSchema }).readonly()

/** What a command is started with. */
export type CommandArgv = z.output<typeof argvSchema>

/**
 * Checks the file and the arguments of a command.
 *
 * @throws {InvalidOptionsError} for NUL bytes, non-strings and lists that the kernel would refuse
 */
export function parseArgv(file: unknown, args: unknown): CommandArgv {
  return parseOptions(argvSchema, { file, args }, 'command')
}
