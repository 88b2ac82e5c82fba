import { spawn } from 'node:child_process'

/** How a helper of the system ended. */
export interface HelperResult {
  readonly code: number | null
  readonly stdout: string
  /** `null`, or why it could not be run to its end. */
  readonly failure: 'missing' | 'timeout' | 'canceled' | 'output' | 'failed' | null
}

/** A helper: a program of the host, called with arguments and never through a shell. */
export interface HelperCall {
  readonly file: string
  readonly args: readonly string[]
  /** Written to its stdin, then overwritten with zeros. */
  readonly input?: Buffer
  readonly timeoutMs: number
  readonly maxOutputBytes: number
  readonly signal?: AbortSignal | undefined
}

/** Nothing of the host's environment: it could hold secrets, and `GETCONF_DIR` or `LANG` change what helpers do. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/** Runs a helper to its end. Resolves only when it is gone; never rejects, and repeats nothing of its input. */
export function runHelper(call: HelperCall): Promise<HelperResult> {
  return new Promise((resolve) => {
    const child = spawn(call.file, call.args, { env: ENVIRONMENT, cwd: '/', stdio: ['pipe', 'pipe', 'ignore'] })
    let failure: HelperResult['failure'] = null
    const chunks: Buffer[] = []
    let size = 0
    const stop = (reason: HelperResult['failure']) => {
      failure ??= reason
      child.kill('SIGKILL')
      // A helper that is a script can leave a child that holds the pipe open.
      child.stdout.destroy()
    }
    const cancel = () => stop('canceled')
    const timer = setTimeout(() => stop('timeout'), call.timeoutMs)
    const settle = (code: number | null) => {
      clearTimeout(timer)
      call.signal?.removeEventListener('abort', cancel)
      call.input?.fill(0)
      resolve({ code, stdout: Buffer.concat(chunks).toString('utf8'), failure })
    }
    child.on('error', ({ code }: NodeJS.ErrnoException) => {
      failure ??= code === 'ENOENT' || code === 'EACCES' ? 'missing' : 'failed'
      if (child.pid === undefined) settle(null)
    })
    child.on('close', settle)
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > call.maxOutputBytes) stop('output')
      else chunks.push(chunk)
    })
    // A helper may end without reading what it is given.
    child.stdin.on('error', () => undefined)
    child.stdin.end(call.input)
    if (call.signal?.aborted === true) cancel()
    else call.signal?.addEventListener('abort', cancel, { once: true })
  })
}
