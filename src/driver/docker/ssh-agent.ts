/**
 * An engine behind ssh: each connection is one `ssh … docker system dial-stdio`, as the `docker` command does it.
 *
 * The user's own ssh brings its configuration, agent, jump hosts and, above all, its check of host keys. docker-modem's
 * built-in ssh (ssh2) accepts any host key and opens one unshared session per request, so it is not used.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { Agent } from 'node:http'
import { Duplex } from 'node:stream'
import { quoteForeignText } from './engine-error.js'
import type { EngineEndpoint } from './endpoint-types.js'

type SshEndpoint = Extract<EngineEndpoint, { kind: 'ssh' }>

/** How much of ssh's stderr is kept for the error message. */
const MAX_STDERR_LENGTH = 2_000

/** @returns the arguments for ssh: never a prompt, no terminal, no forwarding, the destination after `--` */
export function buildSshArguments(endpoint: SshEndpoint): string[] {
  const destination = endpoint.username === null ? endpoint.host : `${endpoint.username}@${endpoint.host}`
  const port = endpoint.port === null ? [] : ['-p', String(endpoint.port)]
  const options = ['BatchMode=yes', 'ClearAllForwardings=yes', 'ConnectTimeout=30', 'ServerAliveInterval=15']
  return [
    '-T',
    ...options.flatMap((option) => ['-o', option]),
    ...port,
    '--',
    destination,
    'docker',
    'system',
    'dial-stdio',
  ]
}

/** An `http.Agent` whose connections are ssh processes. */
export class SshAgent extends Agent {
  readonly #endpoint: SshEndpoint
  readonly #command: string

  /** @param command the ssh program, default `ssh` */
  constructor(endpoint: SshEndpoint, command = 'ssh') {
    super({ keepAlive: true, maxFreeSockets: 4 })
    this.#endpoint = endpoint
    this.#command = command
  }

  override createConnection(): Duplex {
    return new ProcessDuplex(spawn(this.#command, buildSshArguments(this.#endpoint), { stdio: 'pipe' }))
  }
}

/** A process' stdin and stdout as one duplex with half close; the process' own words become the error. */
class ProcessDuplex extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams
  #stderr = ''

  constructor(child: ChildProcessWithoutNullStreams) {
    super({ allowHalfOpen: true })
    this.#child = child
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_LENGTH)
    })
    child.stdin.on('error', (error) => this.destroy(error))
    child.on('error', (error) => this.destroy(error))
    child.on('close', (exitCode) => {
      // Not at the end of stdout: what ssh says about a failure comes after it.
      if (exitCode === 0) this.push(null)
      else this.destroy(sshError(exitCode, this.#stderr))
    })
  }

  override _read(): void {
    this.#child.stdout.resume()
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, encoding, callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#child.stdin.end(() => callback())
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#child.kill('SIGTERM')
    callback(error)
  }

  // What http and its agent call on a socket.
  setKeepAlive = (): this => this
  setNoDelay = (): this => this
  setTimeout = (): this => this
  ref = (): this => {
    this.#child.ref()
    return this
  }
  unref = (): this => {
    this.#child.unref()
    return this
  }
}

function sshError(exitCode: number | null, stderr: string): Error {
  const words = quoteForeignText(stderr) || 'it said nothing'
  return Object.assign(new Error(`ssh ended with code ${exitCode}: ${words}`), { code: 'ESSH' })
}
