/** Programs for sandboxes: fixtures by name, and files written for one test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

let folder: string | undefined
// Not when the process exits: vitest ends its processes by a signal.
afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

/** The path of a program in `test/fixtures/programs`. */
export function fixtureProgram(name: string): string {
  return join(import.meta.dirname, '../fixtures/programs', name)
}

/** Writes a program for one test. @returns its path. */
export function writeProgram(source: string | Buffer, name = 'program.js'): string {
  folder ??= mkdtempSync(join(tmpdir(), 'programs-'))
  const path = join(mkdtempSync(join(folder, 'p-')), name)
  writeFileSync(path, source)
  return path
}
