/** The files of the host that a program's process is given: the program, and the methods file. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { ProgramError } from '../errors.js'
import { printable } from '../printable.js'

/** The largest file, in bytes: it travels in one message, with the other one. */
const MAX_FILE_BYTES = 8 * 1024 * 1024

/** Which of the two files it is. */
export type ProgramFileKind = 'program' | 'methods'

/** How messages name the files. */
export const FILE_NAMES: Readonly<Record<ProgramFileKind, string>> = { program: 'program', methods: 'methods file' }

/** The text of a file and the name it has in stack traces. */
export interface ProgramSource {
  readonly filename: string
  readonly source: string
}

/** What a program's process is loaded with; at least one of them is there. */
export interface ProgramFiles {
  readonly program: ProgramSource | null
  readonly methods: ProgramSource | null
}

/** Where the two files are on the host. */
export interface ProgramPaths {
  readonly program: string | null
  readonly methods: string | null
}

/**
 * @returns `null` when there is neither.
 * @throws {ProgramError} when a file is missing, unreadable, no regular file, no text, or larger than 8 MiB.
 */
export async function readProgramFiles({ program, methods }: ProgramPaths): Promise<ProgramFiles | null> {
  if (program === null && methods === null) return null
  const [first, second] = await Promise.all([
    program === null ? null : readSource(program, 'program'),
    methods === null ? null : readSource(methods, 'methods'),
  ])
  return { program: first, methods: second }
}

async function readSource(filename: string, kind: ProgramFileKind): Promise<ProgramSource> {
  const name = `the ${FILE_NAMES[kind]} '${printable(filename, 200)}'`
  const bytes = await readRegularFile(filename).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProgramError(`cannot read ${name}: ${why}`, { cause: error, details: { file: kind } })
  })
  try {
    return { filename, source: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    throw new ProgramError(`${name} is not UTF-8 text`, { cause: error, details: { file: kind } })
  }
}

/** Neither waits for a writer of a FIFO nor reads a device without end. */
async function readRegularFile(filename: string): Promise<Buffer> {
  const file = await open(filename, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('it is no regular file')
    if (stats.size > MAX_FILE_BYTES)
      throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes: bundle less, or put files into the home`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}
