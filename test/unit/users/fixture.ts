import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'

const PROGRAMS = ['allocate', 'lease', 'count', 'hold-lock'] as const

/** A real process that runs one of test/fixtures/users. */
export interface Program {
  readonly child: ChildProcess
  readonly lines: string[]
  /** Resolves when the program has printed a line that begins like this. */
  saw(start: string): Promise<string>
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>
}

/** Bundles the fixture programs once per test file and ends what is left of them. */
export function usePrograms(): (name: (typeof PROGRAMS)[number], ...args: string[]) => Program {
  let folder = ''
  const running = new Set<ChildProcess>()
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'users-programs-'))
    const entryPoints = PROGRAMS.map((name) =>
      fileURLToPath(new URL(`../../fixtures/users/${name}.ts`, import.meta.url)),
    )
    await build({
      entryPoints,
      outdir: folder,
      bundle: true,
      platform: 'node',
      format: 'esm',
      outExtension: { '.js': '.mjs' },
    })
  })
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  return (name, ...args) => {
    const child = spawn(process.execPath, [join(folder, `${name}.mjs`), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(child)
    const lines: string[] = []
    const waiters: { start: string; resolve: (line: string) => void }[] = []
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      for (const waiter of waiters) if (line.startsWith(waiter.start)) waiter.resolve(line)
    })
    const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
      running.delete(child)
      return (code ?? signal) as number | string
    })
    return {
      child,
      lines,
      ended,
      saw: (start) =>
        new Promise((resolve) => {
          const seen = lines.find((line) => line.startsWith(start))
          if (seen === undefined) waiters.push({ start, resolve })
          else resolve(seen)
        }),
      kill: async () => {
        child.kill('SIGKILL')
        await ended
      },
    }
  }
}

/** A folder for one test, removed with everything in it. */
export function useFolder(): () => string {
  const folders: string[] = []
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'users-state-'))
    folders.push(folder)
    return folder
  }
}
