/** Fixture programs that answer requests: one JSON text per line in, one out. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'

/** What a program answered: a value, or the error that it caught. */
export interface Answer {
  readonly value?: unknown
  readonly error?: {
    readonly name: string
    readonly message: string
    readonly shown: string
    readonly retryAfterMs?: number
  }
  /** What the request took, measured inside the program. */
  readonly ms: number
}

/** A real process that runs a fixture. */
export interface LineServer {
  readonly child: ChildProcess
  ask(request: Record<string, unknown>): Promise<Answer>
  /** Resolves with the exit code or the signal's name. */
  readonly ended: Promise<number | string>
  kill(): Promise<void>
}

/** Bundles a program of test/fixtures/users once per test file, and ends what is left of it. */
export function useLineServer(
  name: string,
): (args: readonly string[], options?: SpawnOptions & { readonly prefix?: readonly string[] }) => LineServer {
  let folder = ''
  const running = new Set<ChildProcess>()
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'line-server-'))
    // Programs may run as another uid than root's.
    chmodSync(folder, 0o755)
    await build({
      entryPoints: [fileURLToPath(new URL(`../fixtures/users/${name}.ts`, import.meta.url))],
      outfile: join(folder, 'main.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
    })
  })
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  return (args, { prefix = [], ...options } = {}) => {
    const [file = process.execPath, ...rest] = [...prefix, process.execPath, join(folder, 'main.mjs'), ...args]
    const child = spawn(file, rest, { ...options, stdio: ['pipe', 'pipe', 'inherit'] })
    running.add(child)
    const waiting: ((answer: Answer) => void)[] = []
    if (child.stdin === null || child.stdout === null) throw new Error('no pipes')
    const { stdin, stdout } = child
    stdin.on('error', () => undefined)
    createInterface({ input: stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line) as Answer))
    const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
      running.delete(child)
      const error = { name: 'Ended', message: String(signal ?? code), shown: '' }
      for (const resolve of waiting.splice(0)) resolve({ error, ms: 0 })
      return (code ?? signal) as number | string
    })
    return {
      child,
      ended,
      ask: (request) =>
        new Promise((resolve) => {
          waiting.push(resolve)
          stdin.write(`${JSON.stringify(request)}\n`)
        }),
      kill: async () => {
        child.kill('SIGKILL')
        await ended
      },
    }
  }
}
