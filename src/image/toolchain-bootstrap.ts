/** Runs mmdebstrap: with arguments and no shell, an environment of its own, a deadline, and an end that leaves nothing behind. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { ImageError } from '../errors.js'
import { printable } from '../printable.js'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Lines of its report that an error repeats. */
const KEPT_LINES = 20
/** For so long it may tidy up when it is told to end. It does not always hear: then its namespaces go with it by force. */
const CLEANUP_MS = 3_000
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']

/** One run of mmdebstrap. */
export interface Bootstrap {
  readonly args: readonly string[]
  /** Of its environment; nothing of this process' own is in it but proxies. */
  readonly environment: Readonly<Record<string, string>>
  /** An open file: takes the archive. */
  readonly archive: number
  /** Where it unpacks. */
  readonly tempDir: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Hears its report line by line; the text is foreign. */
  readonly onLine: (line: string) => void
}

/** @throws {ImageError} when mmdebstrap is missing, fails or takes too long. The reason of the signal. */
export async function runBootstrap(bootstrap: Bootstrap): Promise<void> {
  const { signal, timeoutMs } = bootstrap
  signal.throwIfAborted()
  const machine = { PATH, HOME: '/', TMPDIR: bootstrap.tempDir, ...(await proxies(signal)) }
  const env = { ...bootstrap.environment, ...machine }
  signal.throwIfAborted()
  // A process group of its own, so that all of it can be ended.
  const child = spawn('mmdebstrap', bootstrap.args, {
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', bootstrap.archive, 'pipe'],
  })
  const words: string[] = []
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(startFailure(error)))
    child.once('close', resolve)
  })
  if (child.stderr !== null) {
    createInterface({ input: child.stderr, crlfDelay: Infinity }).on('line', (line) => {
      bootstrap.onLine(line)
      if (line.trim() === '') return
      words.push(printable(line))
      if (words.length > KEPT_LINES) words.shift()
    })
  }
  const deadline = AbortSignal.timeout(timeoutMs)
  const exitCode = await endedBy(child, closed, AbortSignal.any([signal, deadline]))
  signal.throwIfAborted()
  if (deadline.aborted) {
    throw new ImageError(
      `The toolchain was not made within ${timeoutMs} ms; the last word was: ${words.at(-1) ?? 'none'}. ` +
        'Look at the mirror, or allow more with timeoutMs.',
      { retryable: true, details: { timeoutMs, output: words } },
    )
  }
  if (exitCode !== 0) throw bootstrapFailure(exitCode, words)
}

/** Waits for the end, and brings it about when `stop` aborts. */
async function endedBy(child: ChildProcess, closed: Promise<number | null>, stop: AbortSignal): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined
  const end = (): void => {
    killGroup(child, 'SIGTERM')
    timer = setTimeout(() => killGroup(child, 'SIGKILL'), CLEANUP_MS)
  }
  if (stop.aborted) end()
  else stop.addEventListener('abort', end, { once: true })
  try {
    return await closed
  } finally {
    stop.removeEventListener('abort', end)
    clearTimeout(timer)
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It is gone already.
  }
}

/**
 * apt inside a new root knows nothing of this host's settings. The variables are only seen by it: a proxy, which may have a
 * password in it, is no part of the image.
 */
async function proxies(signal: AbortSignal): Promise<Record<string, string>> {
  const found = Object.fromEntries(
    PROXY_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ) as Record<string, string>
  let settings = ''
  try {
    const options = { signal, timeout: 10_000, maxBuffer: 16 * 1024 ** 2, env: { PATH, LC_ALL: 'C' } }
    settings = (await promisify(execFile)('apt-config', ['dump'], options)).stdout
  } catch {
    signal.throwIfAborted()
  }
  return { ...found, ...parseAptProxies(settings) }
}

/** @returns the variables that say the same as the `Acquire::*::Proxy` of a dump of apt's settings; apt.conf(5) */
export function parseAptProxies(dump: string): Record<string, string> {
  const proxies = [...dump.matchAll(/^Acquire::(https?)::Proxy "([^"\n]+)";$/gm)]
  // An empty variable is none, which is what DIRECT means.
  return Object.fromEntries(proxies.map(([, scheme, url = '']) => [`${scheme}_proxy`, url === 'DIRECT' ? '' : url]))
}

function startFailure(error: NodeJS.ErrnoException): ImageError {
  if (error.code !== 'ENOENT') {
    return new ImageError(`mmdebstrap could not be started: ${printable(error.message)}.`, { cause: error })
  }
  return new ImageError(
    'Making the toolchain needs mmdebstrap, which is not here. On Debian and Ubuntu: apt-get install mmdebstrap ' +
      'debian-archive-keyring, and uidmap when it runs without root. Elsewhere: the package mmdebstrap with apt, dpkg and ' +
      "the keys of Debian, or use any image with base: '<image>'.",
    { details: { program: 'mmdebstrap' } },
  )
}

function bootstrapFailure(exitCode: number | null, words: readonly string[]): ImageError {
  const errors = words.filter((line) => line.startsWith('E: '))
  const said = (errors.length > 0 ? errors : words).slice(0, 3).join(' ')
  const advice =
    process.getuid?.() === 0
      ? 'Check the suite, the names of packages and the mirror.'
      : 'Without root it needs newuidmap (package uidmap), a range of this user in /etc/subuid and /etc/subgid, and a kernel ' +
        'that allows user namespaces. Otherwise check the suite, the names of packages and the mirror, or run it as root.'
  return new ImageError(`mmdebstrap made no toolchain (exit code ${exitCode ?? 'none'}): ${said} ${advice}`, {
    details: { exitCode, output: words },
  })
}
