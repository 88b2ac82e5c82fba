/** The flags of `build`. Those that `run` has too mean the same; each wins over the file. */
import { Option, type Command } from 'commander'
import { parseNumber, parseTime } from '../run-flags.js'

/** What commander makes of the flags. */
export interface BuildFlags {
  readonly tenant?: string
  readonly base?: string
  readonly memory?: string
  readonly cpus?: number
  readonly pids?: number
  readonly timeout?: number
  readonly workspace?: string
  /** Not checked yet; see {@link parseSecretFlag}. */
  readonly secret?: readonly string[]
  readonly artifacts?: string
  readonly network?: string
  readonly runtime?: string
  readonly stateDir?: string
  readonly trace?: boolean
  /** `false` with `--no-cache`. */
  readonly cache?: boolean
  readonly json?: boolean
  /** `false` with `--no-color`. */
  readonly color?: boolean
}

/** One `--secret`: from a variable of this shell, or from a file. */
export interface SecretFlag {
  readonly name: string
  readonly file: string | null
}

/** Adds the flags of `build` to a command. */
export function addBuildOptions(command: Command): Command {
  const flags: readonly Option[] = [
    new Option('--tenant <name>', 'whom the build belongs to; default: your login name'),
    new Option('--base <image>', "what the sandbox is made of: 'runner', 'toolchain', 'host' or an image reference"),
    new Option('-m, --memory <size>', 'memory, such as 256MiB; swap is off'),
    new Option('--cpus <number>', 'CPUs, such as 0.5').argParser(parseNumber),
    new Option('--pids <number>', 'processes and threads').argParser(parseNumber),
    new Option('-t, --timeout <time>', 'wall time of all steps, such as 10m').argParser(parseTime),
    new Option('--workspace <size>', 'size of the workspace, such as 1GiB'),
    new Option(
      '--secret <name[=@file]>',
      "secret of the build: from this shell's variable of that name, or from a file; repeatable",
    ).argParser(collectText),
    new Option('--artifacts <folder>', 'copy the artifacts there; the folder is made, or is empty'),
    new Option('--network <name>', "network of the engine; default 'none'"),
    new Option('--runtime <name>', "runtime of the engine, such as runsc; default 'runc'"),
    new Option('--state-dir <folder>', 'where logs, artifacts and caches are kept'),
    new Option('--trace', 'watch what the steps do; what was seen is kept beside the log'),
    new Option('--no-cache', 'neither restore nor save caches'),
    new Option('--json', 'print each event as a line of JSON; the last holds the result'),
    new Option('--no-color', 'print without colours; so does NO_COLOR'),
  ]
  for (const flag of flags) command.addOption(flag)
  return command
}

/** Not checked here: what commander says of a wrong value repeats it, and it may be the secret. */
function collectText(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** Reads `NAME` or `NAME=@file`. @returns `null` for anything else */
export function parseSecretFlag(text: string): SecretFlag | null {
  const [, name, file] = /^([^=]+)(?:=@(.+))?$/s.exec(text) ?? []
  return name === undefined ? null : { name, file: file ?? null }
}
