import { constants } from 'node:os'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { envOption } from './env.js'
import { guestPathOption } from './guest-path.js'
import {
  abortSignalOption,
  booleanOption,
  choiceOption,
  durationOption,
  objectOption,
  opaqueOption,
  optionFacts,
} from './option.js'
import { DEFAULT_LIMITS } from './limits.js'
import { nearestName } from './nearest-name.js'
import { parseOptions } from './parse.js'
import { sizeOption } from './size.js'

/** What a command's stdin can be fed from. */
export type CommandInput = string | Uint8Array | Readable | AsyncIterable<string | Uint8Array>

/** The first signal of an ending, as in `child_process`; `SIGKILL` to the whole tree follows after `timeouts.killGraceMs`. */
export const DEFAULT_KILL_SIGNAL = 'SIGTERM'

const SIGNAL_NAMES = Object.keys(constants.signals)

/** A signal by its name. */
export function signalNameOption() {
  const allowed = "the name of a signal, such as 'SIGTERM' or 'SIGINT'"
  return z
    .custom<NodeJS.Signals>((value) => typeof value === 'string')
    .superRefine((name, context) => {
      if (Object.hasOwn(constants.signals, name)) return
      const nearest = nearestName(name.startsWith('SIG') ? name : `SIG${name}`, SIGNAL_NAMES)
      const params = nearest === null ? {} : { hint: `did you mean '${nearest}'?` }
      context.addIssue({ code: 'custom', message: allowed, params })
    })
    .register(optionFacts, { type: 'signal name', allowed })
}

const common = {
  cwd: guestPathOption().default('/').describe('Folder that the command starts in.'),
  env: envOption().prefault({}).describe("Variables on top of the sandbox's `env`."),
  timeoutMs: durationOption(1, 'no limit')
    .nullable()
    .default(null)
    .describe('Wall time of the command with all its descendants. The outcome is then `timeout`.'),
  cpuTimeMs: durationOption(10, "the sandbox's `limits.cpuTimeMs`")
    .nullable()
    .default(null)
    .describe('CPU time of the command with all its descendants. The outcome is then `cpuTime`.'),
  signal: abortSignalOption().nullable().default(null).describe('Ends the command. The outcome is then `canceled`.'),
  killSignal: signalNameOption()
    .default(DEFAULT_KILL_SIGNAL)
    .describe(
      'First signal when the command is ended; `SIGKILL` to the whole tree follows after `timeouts.killGraceMs`.',
    ),
}

/** Options of `run` and `shell`. */
export const commandOptionsSchema = objectOption({
  ...common,
  input: opaqueOption<CommandInput>(
    { type: 'string, Uint8Array or stream', allowed: 'a string, a Uint8Array, a readable stream or an async iterable' },
    isCommandInput,
  )
    .nullable()
    .default(null)
    .describe(
      'What the command reads on stdin, then end of file. A stream that fails fails the call, and the command is killed. `null`: end of file at once.',
    ),
  outputBytes: sizeOption(1, 256 * 1024 * 1024, "the sandbox's `limits.outputBytes`")
    .nullable()
    .default(null)
    .describe(
      'Bytes that the result keeps of each of stdout and stderr. The outcome is `outputLimit` when there was more.',
    ),
  check: booleanOption()
    .default(false)
    .describe('Rejects with `CommandFailedError` unless the command exits with code 0.'),
  encoding: choiceOption(['utf8', 'buffer'])
    .default('utf8')
    .describe('Whether `stdout` and `stderr` of the result are strings or Buffers.'),
}).readonly()

/** Options of `spawn`. */
export const spawnOptionsSchema = objectOption({
  ...common,
  stdin: choiceOption(['pipe', 'ignore'])
    .default('pipe')
    .describe("`'ignore'`: the command reads end of file at once."),
  stdout: choiceOption(['pipe', 'ignore'])
    .default('pipe')
    .describe("`'ignore'`: what the command writes is thrown away inside."),
  stderr: choiceOption(['pipe', 'ignore'])
    .default('pipe')
    .describe("`'ignore'`: what the command writes is thrown away inside."),
}).readonly()

/** What a caller gives to `run` and `shell`. */
export type CommandOptions = z.input<typeof commandOptionsSchema>
/** What a caller gives to `spawn`. */
export type SpawnOptions = z.input<typeof spawnOptionsSchema>
/** The same with every default filled in. */
export type ParsedSpawnOptions = z.output<typeof spawnOptionsSchema>

/** Options of one `run`, with what the sandbox's limits say filled in; `cpuTimeMs` is `null` when neither sets one. */
export type ParsedCommandOptions = Omit<z.output<typeof commandOptionsSchema>, 'outputBytes'> & {
  readonly outputBytes: number
}

/** The limits of a sandbox that a command can override. */
export interface CommandDefaults {
  readonly outputBytes: number
  readonly cpuTimeMs: number | null
}

/**
 * @param defaults - the sandbox's limits
 * @throws {InvalidOptionsError}
 */
export function parseCommandOptions(
  raw: unknown = {},
  defaults: CommandDefaults = DEFAULT_LIMITS,
): ParsedCommandOptions {
  const options = parseOptions(commandOptionsSchema, raw, 'command options')
  const { outputBytes, cpuTimeMs } = options
  return Object.freeze({
    ...options,
    outputBytes: outputBytes ?? defaults.outputBytes,
    cpuTimeMs: cpuTimeMs ?? defaults.cpuTimeMs,
  })
}

/**
 * @param defaults - the sandbox's limits
 * @throws {InvalidOptionsError}
 */
export function parseSpawnOptions(
  raw: unknown = {},
  defaults: Pick<CommandDefaults, 'cpuTimeMs'> = DEFAULT_LIMITS,
): ParsedSpawnOptions {
  const options = parseOptions(spawnOptionsSchema, raw, 'spawn options')
  return Object.freeze({ ...options, cpuTimeMs: options.cpuTimeMs ?? defaults.cpuTimeMs })
}

function isCommandInput(value: unknown): boolean {
  if (typeof value === 'string' || value instanceof Uint8Array || value instanceof Readable) return true
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
