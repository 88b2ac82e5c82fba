/** What the flags of open(2) ask for. */
import { readFlags } from '../strace/arguments.js'
import type { Access } from './access.js'

/** What is wanted of a name. */
export type Purpose = Pick<Access, 'mode' | 'access' | 'readsToo' | 'writesToo'>

const READ: Purpose = { mode: 'read', access: 'read' }
const WRITE: Purpose = { mode: 'write', access: 'write' }
const CREATE: Purpose = { mode: 'create', access: 'write' }
const BOTH: Purpose = { mode: 'write', access: 'write', readsToo: true }
const CREATE_BOTH: Purpose = { mode: 'create', access: 'write', readsToo: true }
const LOOK: Purpose = { mode: 'metadata', access: 'read' }

function classify(words: readonly string[]): Purpose {
  if (words.includes('O_PATH')) return LOOK
  const creates = words.includes('O_CREAT') || words.includes('O_TMPFILE')
  if (words.includes('O_WRONLY')) return creates ? CREATE : WRITE
  if (creates) return CREATE_BOTH
  // Anything that is not plainly for reading, such as O_RDWR or a number, counts as both.
  return words.includes('O_RDONLY') && !words.includes('O_TRUNC') ? READ : BOTH
}

/** Programs use few combinations of flags. */
const seen = new Map<string, Purpose>()
const MAX_SEEN = 500

/** @param text - the flags as printed, or the structure of `openat2`; `null` for `creat`, which has none */
export function readOpenFlags(text: string | null): Purpose {
  if (text === null) return CREATE
  const known = seen.get(text)
  if (known !== undefined) return known
  const purpose = classify(readFlags(/^\{flags=([^,}]*)/.exec(text)?.[1] ?? text))
  if (seen.size < MAX_SEEN) seen.set(text, purpose)
  return purpose
}
