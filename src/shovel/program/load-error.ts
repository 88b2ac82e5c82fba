/** How a program's failure to load is told to the host. */
import { CONTROL_ERROR_PROGRAM } from '../../protocol/control-codes.js'

/** The program has a syntax error, or it threw while it was loaded. */
export class LoadError extends Error {
  readonly rpcCode = CONTROL_ERROR_PROGRAM
  readonly data: { readonly kind: 'syntax' | 'throw'; readonly stack: string }

  constructor(kind: 'syntax' | 'throw', thrown: unknown) {
    super(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `thrown: ${String(thrown)}`)
    this.data = { kind, stack: describeStack(thrown) }
  }
}

/** @returns the stack without the frames of this bundle and of node; lines and columns are those of the program. */
export function describeStack(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `thrown: ${String(thrown)}`
  const lines = (thrown.stack ?? `${thrown.name}: ${thrown.message}`).split('\n')
  return lines.filter((line) => !isForeignFrame(line)).join('\n')
}

function isForeignFrame(line: string): boolean {
  return /^\s+at /.test(line) && (line.includes(__filename) || /\(?node:[\w/]+:\d+/.test(line))
}
