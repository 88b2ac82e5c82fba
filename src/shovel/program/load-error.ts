/** How the failure to load a program, or a methods file, is told to the host. */
import { CONTROL_ERROR_PROGRAM } from '../../protocol/control-codes.js'

/** Which of the two files it is. */
export type LoadedFile = 'program' | 'methods'

/** The file has a syntax error, or it threw while it was loaded. */
export class LoadError extends Error {
  readonly rpcCode = CONTROL_ERROR_PROGRAM
  readonly data: { readonly file: LoadedFile; readonly kind: 'syntax' | 'throw'; readonly stack: string }

  constructor(file: LoadedFile, kind: 'syntax' | 'throw', thrown: unknown) {
    super(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `thrown: ${textOf(thrown)}`)
    this.data = { file, kind, stack: describeStack(thrown) }
  }
}

/** Objects without a prototype, and those whose `toString` throws, have no text. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return 'a value that has no text'
  }
}

/** @returns the stack without the frames of this bundle and of node; lines and columns are those of the program. */
export function describeStack(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `thrown: ${textOf(thrown)}`
  const lines = (thrown.stack ?? `${thrown.name}: ${thrown.message}`).split('\n')
  return lines.filter((line) => !isForeignFrame(line)).join('\n')
}

function isForeignFrame(line: string): boolean {
  return /^\s+at /.test(line) && (line.includes(__filename) || /\(?node:[\w/]+:\d+/.test(line))
}
