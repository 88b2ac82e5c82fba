/**
 * The host's git, with nothing of the host's identity and nothing that a repository could make it run.
 *
 * Theory of operation. git runs programs that its configuration names: hooks, filters, credential helpers, monitors, ssh,
 * transports. So it gets no configuration of the host or of a user, an empty environment, a home of its own, and settings that
 * switch each of these off; there is never a work tree on the host, so that no attribute of a repository has an effect. One
 * transport is allowed, that of the URL. Bad objects are refused as they arrive. What git parses comes from anybody: it runs
 * without capabilities besides reading, cannot gain any, ends with this process, and its memory and files are limited by the
 * kernel. Sources: git-config(1), git(1) "ENVIRONMENT VARIABLES", setpriv(1), prlimit(1).
 */
import { existsSync, readFileSync } from 'node:fs'
import { SourceError } from '../../errors.js'
import { findHostProgram } from '../../image/host-programs.js'
import { printable } from '../../printable.js'
import { runHostCommand, startHostCommand, type HostCommandEnd, type HostProcess } from '../host-command.js'
import { maskSecrets, type GitAddress } from './git-address.js'

/** Address space of one git process. Objects that are deltas are put together in memory, and a small one can become gigabytes. */
const MEMORY_BYTES = 2 * 1024 ** 3

/** The bit of CAP_SETPCAP (linux/capability.h). */
const SETPCAP = 1n << 8n

const SETTINGS: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  // Within the memory above.
  'core.packedGitWindowSize=32m',
  'core.packedGitLimit=512m',
  'core.bigFileThreshold=16m',
  'core.deltaBaseCacheLimit=64m',
  'pack.threads=1',
  'credential.helper=',
  'transfer.fsckObjects=true',
  'fetch.fsckObjects=true',
  // Faults of old programs in objects that nobody can change any more, and that no reader minds (git-fsck(1)).
  ...['fetch.fsck', 'fsck'].flatMap((name) =>
    ['zeroPaddedFilemode', 'badTimezone', 'missingSpaceBeforeDate', 'missingSpaceBeforeEmail', 'missingEmail'].map(
      (fault) => `${name}.${fault}=ignore`,
    ),
  ),
  'transfer.bundleURI=false',
  'fetch.unpackLimit=1',
  'fetch.writeCommitGraph=false',
  'fetch.recurseSubmodules=false',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'http.followRedirects=false',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=60',
  'protocol.allow=never',
]

/** ssh takes its user's configuration, keys and agent from where that user lives, not from `HOME`. */
const SSH = [
  'ssh -F /dev/null',
  ...[
    'BatchMode=yes',
    'IdentityFile=/dev/null',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/etc/ssh/ssh_known_hosts',
    'StrictHostKeyChecking=yes',
    'ForwardAgent=no',
    'ProxyCommand=none',
    'ConnectTimeout=30',
  ].map((option) => `-o ${option}`),
].join(' ')

/** How git is run for one source. */
export interface GitPlace {
  /** The repository on this host: a bare one in a private folder. */
  readonly repository: string
  /** An empty private folder. */
  readonly home: string
  readonly protocol: GitAddress['protocol']
  /** No file that git writes may be larger. */
  readonly maxBytes: number
  /** Never shown. */
  readonly secrets: readonly string[]
  /** What the source is called in messages. */
  readonly shown: string
  readonly signal: AbortSignal
}

/** git on one repository. */
export class Git {
  readonly place: GitPlace
  readonly #file: string
  readonly #args: readonly string[]

  /** @throws {SourceError} when this host lacks git or what limits it. `find` looks for programs. */
  constructor(place: GitPlace, find: (name: string) => string | null = findHostProgram) {
    this.place = place
    const git = needed(find, 'git', 'git')
    const setpriv = needed(find, 'setpriv', 'util-linux')
    const prlimit = needed(find, 'prlimit', 'util-linux')
    this.#file = setpriv
    this.#args = [
      ...['--pdeathsig', 'KILL', '--no-new-privs', ...(canDropCapabilities() ? capabilities(place.protocol) : [])],
      ...[prlimit, `--fsize=${Math.max(place.maxBytes, 1024 ** 2)}`, `--as=${MEMORY_BYTES}`, '--core=0', git],
      ...[...SETTINGS, `protocol.${place.protocol}.allow=always`].flatMap((setting) => ['-c', setting]),
    ]
  }

  /** Runs a command of git. @throws {SourceError} when it fails; the signal's reason. */
  async run(...args: readonly string[]): Promise<Buffer> {
    const end = await this.attempt(...args)
    if (end.code === 0) return end.stdout
    throw this.failure(end)
  }

  /** The same, for a command that may fail. */
  attempt(...args: readonly string[]): Promise<HostCommandEnd & { readonly stdout: Buffer }> {
    return runHostCommand(this.#command(args))
  }

  /** Starts a command that is spoken with. */
  start(...args: readonly string[]): HostProcess {
    return startHostCommand(this.#command(args))
  }

  /** What a command that failed says, in our words where they are known. */
  failure(end: HostCommandEnd): SourceError {
    const { shown, secrets, maxBytes } = this.place
    const said = maskSecrets(end.stderr, secrets)
    const fail = (why: string, text: string): SourceError => new SourceError(text, { details: { why } })
    if (/File too large/.test(said) || end.signal === 'SIGXFSZ')
      return fail('too large', `The repository ${shown} has more than ${maxBytes} bytes: ask for less history.`)
    if (/[Oo]ut of memory|unable to mmap|Cannot allocate memory/.test(said))
      return fail(
        'too large',
        `The repository ${shown} has objects that need more than ${MEMORY_BYTES} bytes of memory.`,
      )
    if (/requested URL returned error: 30\d|unable to update url base/.test(said))
      return fail('redirected', `The repository ${shown} is somewhere else now: give the address that it redirects to.`)
    // The first complaint is the cause, the last one often only that another process ended.
    const lines = said.split('\n').filter((line) => line.trim() !== '')
    const cause = lines.find((line) => /^(?:fatal|error): /.test(line)) ?? lines.at(-1) ?? ''
    const reason = printable(cause.replace(/^\w+: /, ''), 300)
    const ended = end.signal === null ? `code ${end.code}` : end.signal
    return fail('git failed', `Cannot get ${shown}: git ended with ${ended}${reason === '' ? '' : `: ${reason}`}`)
  }

  #command(args: readonly string[]) {
    const { repository, home, signal } = this.place
    return { file: this.#file, args: [...this.#args, ...args], cwd: home, env: environment(repository, home), signal }
  }
}

function needed(find: (name: string) => string | null, name: string, packageName: string): string {
  const path = find(name)
  if (path !== null) return path
  throw new SourceError(
    `A git source needs the command '${name}' on this host: install the package '${packageName}' (apt-get install ${packageName}).`,
    { details: { why: 'command is missing', command: name } },
  )
}

/** Taking from the bounding set needs a capability itself; a process without has little to lose (capabilities(7), CAP_SETPCAP). */
function canDropCapabilities(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${effective}`) & SETPCAP) !== 0n
}

/** Files of other users stay readable where the source is one, as they are for this process. */
function capabilities(protocol: GitAddress['protocol']): string[] {
  const kept = protocol === 'file' ? ',+dac_read_search' : ''
  return [`--bounding-set=-all${kept}`, '--inh-caps=-all']
}

function environment(repository: string, home: string): Record<string, string> {
  return {
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: falseProgram(),
    SSH_ASKPASS: falseProgram(),
    GIT_SSH_COMMAND: SSH,
    GIT_SSH_VARIANT: 'ssh',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_CEILING_DIRECTORIES: home,
    GIT_DIR: repository,
  }
}

function falseProgram(): string {
  return existsSync('/bin/false') ? '/bin/false' : '/usr/bin/false'
}
