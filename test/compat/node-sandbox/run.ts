/** Sandboxes of the drop-in for tests: made, and always ended. */
import { afterEach } from 'vitest'
import { Sandbox, type SandboxEvents, type SandboxOptions } from '../../../src/compat/node-sandbox/index.js'
import { writeProgram } from '../../helpers/programs.js'

const made: Sandbox[] = []

afterEach(async () => {
  await Promise.all(made.splice(0).map(end))
})

/** A sandbox for a program given as text. */
export function make(source: string, options: SandboxOptions = {}): Sandbox {
  return follow(new Sandbox(writeProgram(source), options))
}

/** Ends a sandbox with the test. */
export function follow(sandbox: Sandbox): Sandbox {
  made.push(sandbox)
  return sandbox
}

/** Makes and runs one; resolves at `ready`. */
export async function ready(source: string, options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = make(source, options)
  const isReady = next(sandbox, 'ready')
  sandbox.run()
  await isReady
  return sandbox
}

/** What the next event of this name carries. */
export function next<Name extends keyof SandboxEvents>(sandbox: Sandbox, name: Name): Promise<SandboxEvents[Name]> {
  // Not `once`, which takes an `error` for its own.
  return new Promise((resolve) => sandbox.once(name, ((...args: never) => resolve(args)) as never))
}

/** Collects the text of `stdout` or `stderr`. */
export function textOf(sandbox: Sandbox, name: 'stdout' | 'stderr'): () => string {
  const chunks: Buffer[] = []
  sandbox.on(name, (chunk) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

async function end(sandbox: Sandbox): Promise<void> {
  if (sandbox._process === null) return
  const exit = next(sandbox, 'exit')
  sandbox.kill()
  await exit
}
