/** The flags of `run`, and what they mean as options of a sandbox. Ranges are checked by the options' own schema. */
import { resolve } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { SandboxOptions } from '../options/index.js'
import { parseDuration } from './duration.js'

/** What commander makes of the flags. */
export interface RunFlags {
  readonly user?: string
  readonly home?: string
  readonly stateDir?: string
  readonly base?: string
  readonly memory?: string
  readonly cpus?: number
  readonly pids?: number
  readonly openFiles?: number
  readonly scratch?: string
  readonly shm?: string
  readonly output?: string
  readonly cpuTime?: number
  readonly lifetime?: number
  readonly timeout?: number
  readonly env?: readonly (readonly [name: string, value: string])[]
  readonly mount?: readonly MountFlag[]
  readonly writable?: readonly string[]
  readonly label?: readonly (readonly [name: string, value: string])[]
  readonly network?: string
  readonly runtime?: string
  readonly cwd?: string
  readonly json?: boolean
}

/** One `--mount`. */
export interface MountFlag {
  readonly source: string
  readonly target: string
  readonly writable: boolean
}

/** The flag behind each option, for messages. */
export const FLAG_OF_OPTION: Readonly<Record<string, string>> = Object.freeze({
  user: '--user',
  'user.name': '--user',
  'user.home': '--home',
  'users.stateDir': '--state-dir',
  home: '--home',
  path: '--file',
  base: '--base',
  'limits.memoryBytes': '--memory',
  'limits.cpuCount': '--cpus',
  'limits.pids': '--pids',
  'limits.openFiles': '--open-files',
  'limits.scratchBytes': '--scratch',
  'limits.shmBytes': '--shm',
  'limits.outputBytes': '--output',
  'limits.cpuTimeMs': '--cpu-time',
  'limits.lifetimeMs': '--lifetime',
  timeoutMs: '--timeout',
  env: '--env',
  mounts: '--mount',
  writable: '--writable',
  labels: '--label',
  network: '--network',
  runtime: '--runtime',
  cwd: '--cwd',
})

/** Adds the flags of `run` to a command. */
export function addRunOptions(command: Command): Command {
  const flags: readonly Option[] = [
    new Option('-u, --user <name>', 'whom the sandbox belongs to; default: an anonymous user'),
    new Option('--home <folder>', "folder whose content becomes the sandbox's root, owned by the user"),
    new Option('--state-dir <folder>', 'where the uids of users are kept'),
    new Option('--base <image>', "what the image starts from: 'runner', 'host', 'toolchain' or an image reference"),
    new Option('-m, --memory <size>', 'memory, such as 256MiB; swap is off'),
    new Option('--cpus <number>', 'CPUs, such as 0.5').argParser(parseNumber),
    new Option('--pids <number>', 'processes and threads').argParser(parseNumber),
    new Option('--open-files <number>', 'open files of each process').argParser(parseNumber),
    new Option('--scratch <size>', 'size of each writable path'),
    new Option('--shm <size>', 'size of /dev/shm'),
    new Option('--output <size>', 'with --json: bytes kept of each of stdout and stderr'),
    new Option('--cpu-time <time>', 'CPU time of the command, such as 10s').argParser(parseTime),
    new Option('--lifetime <time>', 'time after which the sandbox ends itself').argParser(parseTime),
    new Option('-t, --timeout <time>', 'wall time of the command, such as 30s').argParser(parseTime),
    new Option(
      '-e, --env <name[=value]>',
      "variable of the command; without a value this shell's; repeatable",
    ).argParser(collectVariable),
    new Option(
      '--mount <source:target[:rw]>',
      "folder or file of the engine's host; read-only without :rw; repeatable",
    ).argParser(collectMount),
    new Option('--writable <path>', 'writable scratch folder, /tmp always is one; repeatable').argParser(collect),
    new Option('--label <name=value>', 'label on the container; repeatable').argParser(collectPair),
    new Option('--network <name>', "network of the engine; default 'none'"),
    new Option('--runtime <name>', "runtime of the engine, such as runsc; default 'runc'"),
    new Option('-w, --cwd <path>', 'folder in the sandbox that the command starts in'),
    new Option('--json', 'collect the output and print the result as JSON'),
  ]
  for (const flag of flags) command.addOption(flag)
  return command
}

/** Only what was given on the command line: everything else keeps the library's default. */
export function buildSandboxOptions(flags: RunFlags): SandboxOptions {
  const limits = given({
    memoryBytes: flags.memory,
    cpuCount: flags.cpus,
    pids: flags.pids,
    openFiles: flags.openFiles,
    scratchBytes: flags.scratch,
    shmBytes: flags.shm,
    outputBytes: flags.output,
    cpuTimeMs: flags.cpuTime,
    lifetimeMs: flags.lifetime,
  })
  return given({
    user: flags.home === undefined ? flags.user : given({ name: flags.user, home: flags.home }),
    users: flags.stateDir === undefined ? undefined : { stateDir: flags.stateDir },
    base: flags.base,
    limits,
    env: flags.env && Object.fromEntries(flags.env),
    mounts: flags.mount && [...flags.mount],
    writable: flags.writable && [...flags.writable],
    labels: flags.label && Object.fromEntries(flags.label),
    network: flags.network,
    runtime: flags.runtime,
  })
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Leaves out what is undefined: the options' schema takes an absent key for "default" and nothing else. */
function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>
}

/** The number of a flag. @throws {InvalidArgumentError} */
export function parseNumber(text: string): number {
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) throw new InvalidArgumentError('Write a number.')
  return number
}

/** The time of a flag in milliseconds. @throws {InvalidArgumentError} */
export function parseTime(text: string): number {
  const milliseconds = parseDuration(text)
  if (typeof milliseconds === 'string')
    throw new InvalidArgumentError(`${milliseconds[0]?.toUpperCase()}${milliseconds.slice(1)}.`)
  return milliseconds
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

type Pairs = readonly (readonly [string, string])[]

function collectPair(text: string, before: Pairs = []): Pairs {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write name=value.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

function collectVariable(text: string, before: Pairs = []): Pairs {
  if (text.includes('=')) return collectPair(text, before)
  const value = process.env[text]
  if (value === undefined) throw new InvalidArgumentError('It is not set in this shell; write name=value.')
  return [...before, [text, value]]
}

/** `source:target`, with `:rw` or `:ro` behind it. A relative source is looked up from the working folder. */
export function parseMount(text: string, folder: string = process.cwd()): MountFlag | string {
  const match = /^([^:]+):([^:]+)(?::(ro|rw))?$/.exec(text)
  const [, source, target, mode] = match ?? []
  if (source === undefined || target === undefined) return 'Write source:target, or source:target:rw.'
  return { source: resolve(folder, source), target, writable: mode === 'rw' }
}

function collectMount(text: string, before: readonly MountFlag[] = []): readonly MountFlag[] {
  const mount = parseMount(text)
  if (typeof mount === 'string') throw new InvalidArgumentError(mount)
  return [...before, mount]
}
