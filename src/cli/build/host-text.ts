/** Small texts from files of this host. */
import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { HostFileError } from '../../errors.js'
import { formatSize } from '../../options/index.js'
import { printable } from '../../printable.js'
import { TextProblem } from './text-place.js'

/** What YAML 1.2 has no place for in a text (5.1, Character Set), with NUL among it. */
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/**
 * The bytes of a plain file.
 * @throws {HostFileError} when it cannot be read, is no plain file, or has more than `maxBytes`
 */
export async function readHostBytes(path: string, maxBytes: number): Promise<Buffer> {
  const shown = printable(path, 200)
  const fail = (cause: unknown): never => {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
    throw new HostFileError(code, 'cannot read', shown, { cause })
  }
  // Opening a named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(fail)
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw new HostFileError('EINVAL', 'expected a plain file at', shown)
    // The size may be that of another moment, and is 0 below /proc: one byte more than allowed is what is read at most.
    const bytes = Buffer.allocUnsafe(maxBytes + 1)
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, null)
      if (bytesRead === 0) break
      length += bytesRead
    }
    if (length > maxBytes) throw new HostFileError('EFBIG', `expected at most ${formatSize(maxBytes)} at`, shown)
    return bytes.subarray(0, length)
  } catch (error) {
    if (error instanceof HostFileError) throw error
    return fail(error)
  } finally {
    await file.close()
  }
}

/**
 * UTF-8 as text, without a byte order mark.
 * @returns the text, and what is wrong with it: bytes that are not UTF-8, or control characters
 */
export function decodeText(bytes: Buffer): { readonly text: string; readonly problem: TextProblem | null } {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '')
  const control = CONTROL.exec(text)
  if (!isUtf8(bytes)) {
    const at = Math.max(0, text.indexOf('\ufffd'))
    return { text, problem: new TextProblem('it is not UTF-8', { start: at, end: at + 1 }) }
  }
  if (control === null) return { text, problem: null }
  const place = { start: control.index, end: control.index + 1 }
  return { text, problem: new TextProblem('a control character has no place in it', place) }
}
