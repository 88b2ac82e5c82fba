/** What the tests of the reader share. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TraceReader, type CallRecord, type TraceRecord } from '../../../../src/trace/strace/index.js'

const run = promisify(execFile)

/** Reads a whole log, in one chunk or in the given ones. */
export function readLog(...chunks: readonly (string | Buffer)[]): TraceRecord[] {
  const records: TraceRecord[] = []
  const reader = new TraceReader({ onRecord: (record) => records.push(record) })
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string, 'latin1'))
  reader.end()
  return records
}

/** The text of an error as the operating system gave it is of no interest where only the log counts. */
export async function traceProgram(options: readonly string[], program: readonly string[], cwd?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'strace-'))
  try {
    const log = join(folder, 'log')
    const args = ['-f', '-ttt', '-y', '-s', '512', '--quiet=attach', ...options, '-o', log, ...program]
    await run('strace', args, { cwd: cwd ?? folder }).catch((error: { code?: unknown }) => {
      if (error.code === 'ENOENT') throw error
    })
    return await readFile(log)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Compiles one of the C programs beside the tests. */
export async function compileProgram(name: string, folder: string, options: readonly string[]): Promise<string> {
  const output = join(folder, name.replace(/\..*/, ''))
  await run('gcc', ['-o', output, join(import.meta.dirname, 'programs', name), ...options])
  return output
}

/** The calls of one name, or all. */
export function callsOf(records: readonly TraceRecord[], name?: string): CallRecord[] {
  return records.filter((record) => record.kind === 'call').filter((call) => name === undefined || call.name === name)
}
