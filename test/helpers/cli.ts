/** Runs the built command line as a process. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

export const cliPath = resolve(import.meta.dirname, '../../dist/cli/main.js')

export interface CliResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** What it reads on stdin, then end of file. Default: end of file at once. */
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

/** Starts it with open pipes. The caller ends it. */
export function startCli(args: readonly string[], options: CliOptions = {}): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [cliPath, ...args], { env: { ...process.env, ...options.env }, cwd: options.cwd })
}

/** Runs it to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options)
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  return finishCli(child)
}

/** Collects the output of a started one until it has ended. */
export async function finishCli(child: ChildProcessWithoutNullStreams): Promise<CliResult> {
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, signal, stdout, stderr }
}

/** Reads stdout until it holds `marker`. Keeps the stream paused afterwards, with nothing lost but what was read. */
export async function waitForOutput(child: ChildProcessWithoutNullStreams, marker: string): Promise<string> {
  let seen = ''
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString()
      if (!seen.includes(marker)) return
      child.stdout.off('data', onData)
      child.stdout.pause()
      resolve(seen)
    }
    child.stdout.on('data', onData)
    child.once('close', () =>
      reject(new Error(`it ended before it printed ${JSON.stringify(marker)}; it printed ${JSON.stringify(seen)}`)),
    )
  })
}
