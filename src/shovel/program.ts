/**
 * The user's JavaScript program, a process of its own. The shovel carries the bytes of its JSON-RPC channel between a
 * stream and two pipes and never looks at them.
 */
import type { ProgramStartParams } from '../protocol/control.js'
import type { Multiplexer } from '../protocol/multiplexer.js'
import type { Commands } from './commands.js'
import { InputRelay } from './input-relay.js'
import { nodeCommand } from './node-command.js'
import { OutputRelay } from './output-relay.js'

/** The program's own descriptors of its channel. */
const PROGRAM_READS_FD = 3
const PROGRAM_WRITES_FD = 4

/** Starts the program, and starts it anew when the host says so: each time on a channel of its own. */
export class Program {
  readonly #commands: Commands
  readonly #multiplexer: Multiplexer
  readonly #sandboxDir: string

  /** @param sandboxDir the folder of `program.cjs`. */
  constructor(commands: Commands, multiplexer: Multiplexer, sandboxDir: string) {
    this.#commands = commands
    this.#multiplexer = multiplexer
    this.#sandboxDir = sandboxDir
  }

  /** `program.start`. The source itself goes over the program's channel, as its first call. */
  async start(params: ProgramStartParams): Promise<{ pid: number }> {
    const argv = [
      ...nodeCommand(this.#sandboxDir),
      // As for the supervisor: the configuration that is compiled in may be the home's.
      `--openssl-config=${this.#sandboxDir}/openssl.cnf`,
      '--no-warnings',
      '--experimental-vm-modules',
      // With the second parameter, from where it is resolved.
      '--experimental-import-meta-resolve',
      `${this.#sandboxDir}/program.cjs`,
    ] as const
    return this.#commands.start({
      commandId: params.commandId,
      file: argv[0],
      argv,
      env: params.env,
      cwd: params.cwd,
      cpuTimeMs: params.cpuTimeMs,
      inputs: new Map([[PROGRAM_READS_FD, new InputRelay(this.#multiplexer, params.channel, 'discard')]]),
      outputs: new Map([
        [1, new OutputRelay(this.#multiplexer, params.stdout, null)],
        [2, new OutputRelay(this.#multiplexer, params.stderr, null)],
        [PROGRAM_WRITES_FD, new OutputRelay(this.#multiplexer, params.channel, null)],
      ]),
    })
  }
}
