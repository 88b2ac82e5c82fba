/** `trace`: `run` in a sandbox that is watched, with what was seen on the terminal and in files. */
import { isatty } from 'node:tty'
import { InvalidStateError } from '../errors.js'
import type { ContainerSandbox } from '../index.js'
import { DockerDriver } from '../driver/docker/docker-driver.js'
import { joinCommand } from '../trace/printable-name.js'
import { buildReport, ReportCollector } from '../trace/report/index.js'
import { runCommand, type CommandEnding, type RunCompanion } from './run.js'
import type { Terminal } from './terminal.js'
import { choosePaint } from './trace/event-line.js'
import { assertWritableFolder, readExistingText, replaceHostFile } from './trace/host-files.js'
import { extendPolicy, extendSeccomp } from './trace/learned-files.js'
import { LiveView, type ViewMode } from './trace/live-view.js'
import { formatSummary } from './trace/summary-text.js'
import type { TraceFlags } from './trace/trace-flags.js'
import { buildTraceRequest, type TraceRequest } from './trace/trace-request.js'

/**
 * @returns the exit code, as `run` has it; 137 for what the policy does not allow
 * @throws what {@link runCommand} throws, {@link TraceUnavailableError}, and {@link HostFileError} for the files
 */
export async function traceCommand(
  terminal: Terminal,
  file: string,
  args: readonly string[],
  flags: TraceFlags,
): Promise<number> {
  const request = await buildTraceRequest(flags)
  for (const path of [flags.learn, flags.learnSeccomp, flags.report])
    if (path !== undefined) await assertWritableFolder(path)
  return runCommand(terminal, file, args, flags, new TraceCompanion(terminal, [file, ...args], flags, request))
}

/** Follows one sandbox from its start to its end. */
class TraceCompanion implements RunCompanion {
  readonly options: RunCompanion['options']
  readonly #terminal: Terminal
  readonly #command: readonly string[]
  readonly #flags: TraceFlags
  readonly #request: TraceRequest
  readonly #collector: ReportCollector | null
  #startedAtMs = Date.now()
  #read: Promise<void> = Promise.resolve()

  constructor(terminal: Terminal, command: readonly string[], flags: TraceFlags, request: TraceRequest) {
    this.options = { trace: request.trace }
    this.#terminal = terminal
    this.#command = command
    this.#flags = flags
    this.#request = request
    this.#collector = flags.report === undefined ? null : new ReportCollector()
  }

  begin(sandbox: ContainerSandbox): void {
    this.#startedAtMs = Date.now()
    const isTerminal = isatty(2)
    const view = new LiveView({
      sink: this.#terminal.errorOutput,
      mode: chooseMode(this.#flags, isTerminal),
      startMs: this.#startedAtMs,
      paint: choosePaint({ wanted: this.#flags.color !== false, isTerminal, env: process.env }),
    })
    this.#read = this.#follow(sandbox, view)
    // Told when it is awaited.
    this.#read.catch(() => undefined)
  }

  async end(sandbox: ContainerSandbox, ended: CommandEnding): Promise<Readonly<Record<string, unknown>>> {
    // The last events come when everything in the sandbox is gone.
    await sandbox.kill()
    await this.#read
    const summary = sandbox.trace.summary()
    if (this.#flags.json !== true) this.#terminal.printError(formatSummary(summary))
    await this.#writeReport(ended)
    await this.#learn(sandbox)
    return { trace: summary }
  }

  async #follow(sandbox: ContainerSandbox, view: LiveView): Promise<void> {
    try {
      for await (const event of sandbox.trace.events()) {
        this.#collector?.add(event)
        view.add(event)
      }
    } finally {
      view.end()
    }
  }

  async #writeReport({ outcome, exitCode, signal }: CommandEnding): Promise<void> {
    const path = this.#flags.report
    if (path === undefined || this.#collector === null) return
    const { policy } = this.#request
    const page = buildReport({
      title: joinCommand(this.#command, 80),
      startedAtMs: this.#startedAtMs,
      command: this.#command,
      outcome: { name: outcome, exitCode, signal },
      events: this.#collector,
      ...(policy === null ? {} : { policy }),
    })
    await replaceHostFile(path, page)
  }

  async #learn(sandbox: ContainerSandbox): Promise<void> {
    const { learn, learnSeccomp } = this.#flags
    if (learn === undefined && learnSeccomp === undefined) return
    const learned = sandbox.trace.learn()
    if (learn !== undefined) await replaceHostFile(learn, extendPolicy(learned, await readExistingText(learn), learn))
    if (learnSeccomp === undefined) return
    if (learned.syscalls === null)
      throw new InvalidStateError('not all calls were traced, so no profile can be learned')
    const profile = extendSeccomp(learned.syscalls, await readExistingText(learnSeccomp), await engineMachine())
    await replaceHostFile(learnSeccomp, profile)
  }
}

async function engineMachine(): Promise<string> {
  const driver = new DockerDriver()
  try {
    return (await driver.info()).architecture
  } finally {
    await driver.close()
  }
}

function chooseMode(flags: TraceFlags, isTerminal: boolean): ViewMode {
  if (flags.events === true) return 'all'
  if (flags.json === true && !isTerminal) return 'none'
  return flags.quiet === true || !isTerminal ? 'violations' : 'all'
}
