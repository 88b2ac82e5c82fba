/**
 * The user's JavaScript program, a process of its own. The shovel carries the bytes of its JSON-RPC channel between
 * stream 1 and two pipes and never looks at them.
 */
import type { ProgramStartParams } from '../protocol/control.js'
import { PROGRAM_STREAM, type Multiplexer } from '../protocol/multiplexer.js'
import type { Commands } from './commands.js'
import { spawnError } from './control-error.js'
import { InputRelay } from './input-relay.js'
import { nodeCommand } from './node-command.js'
import { OutputRelay } from './output-relay.js'

/** The program's own descriptors of its channel. */
const PROGRAM_READS_FD = 3
const PROGRAM_WRITES_FD = 4

/** The program goes by this id in `signal` and `exit`; the host's own commands start at 1. */
export const PROGRAM_COMMAND_ID = 0

/** Starts the program, once. */
export class Program {
  readonly #commands: Commands
  readonly #multiplexer: Multiplexer
  readonly #sandboxDir: string
  #started = false

  /** @param sandboxDir the folder of `program.cjs`. */
  constructor(commands: Commands, multiplexer: Multiplexer, sandboxDir: string) {
    this.#commands = commands
    this.#multiplexer = multiplexer
    this.#sandboxDir = sandboxDir
  }

  /** `program.start`. The source itself goes over the program's channel, as its first call. */
  async start(params: ProgramStartParams): Promise<{ pid: number }> {
    if (this.#started) throw spawnError('EALREADY', 'fork')
    this.#started = true
    const argv = [
      ...nodeCommand(this.#sandboxDir),
      // As for the supervisor: the configuration that is compiled in may be the home's.
      `--openssl-config=${this.#sandboxDir}/openssl.cnf`,
      '--no-warnings',
      '--experimental-vm-modules',
      `${this.#sandboxDir}/program.cjs`,
    ] as const
    return this.#commands.start({
      commandId: PROGRAM_COMMAND_ID,
      file: argv[0],
      argv,
      env: params.env,
      cwd: params.cwd,
      cpuTimeMs: params.cpuTimeMs,
      inputs: new Map([[PROGRAM_READS_FD, new InputRelay(this.#multiplexer, PROGRAM_STREAM, 'discard')]]),
      outputs: new Map([
        [1, new OutputRelay(this.#multiplexer, params.stdout, null)],
        [2, new OutputRelay(this.#multiplexer, params.stderr, null)],
        [PROGRAM_WRITES_FD, new OutputRelay(this.#multiplexer, PROGRAM_STREAM, null)],
      ]),
    })
  }
}
