/** Programs for sandboxes: fixtures by name, and files written for one test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let folder: string | undefined

/** The path of a program in `test/fixtures/programs`. */
export function fixtureProgram(name: string): string {
  return join(import.meta.dirname, '../fixtures/programs', name)
}

/** Writes a program for one test. @returns its path. */
export function writeProgram(source: string | Buffer, name = 'program.js'): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'programs-'))
    folder = made
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  }
  const path = join(mkdtempSync(join(folder, 'p-')), name)
  writeFileSync(path, source)
  return path
}
