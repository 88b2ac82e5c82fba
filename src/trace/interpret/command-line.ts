/** The command line that execve gave a process. */
import { readList, readString } from '../strace/arguments.js'
import type { CallRecord } from '../strace/record.js'

const MAX_ARGUMENTS = 64
const MAX_CHARACTERS = 512

/** Strings that hold no line of the log. */
function shorten(text: string): string {
  return Buffer.from(text.slice(0, MAX_CHARACTERS), 'utf16le').toString('utf16le')
}

/** The arguments of a successful `execve` or `execveat`; where they cannot be read, the name alone. */
export function readCommandLine({ name, args }: CallRecord): readonly string[] {
  const first = name === 'execveat' ? 1 : 0
  const list = readList(args[first + 1] ?? '')
  const words = list === null || list.items.length === 0 ? [args[first] ?? ''] : list.items.slice(0, MAX_ARGUMENTS)
  return words.map((word) => shorten(readString(word)?.value ?? word))
}
