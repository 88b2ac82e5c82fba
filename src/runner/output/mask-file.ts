import { createReadStream, createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HostFileError } from '../../errors.js'
import { printable } from '../../printable.js'
import type { SecretMasker } from './secret-masker.js'

/**
 * Copies a file of this host with all secrets masked, for example the log of a trace, which holds the arguments of commands. In a
 * file of JSON texts only strings change, unless a secret is part of the JSON around them.
 *
 * @param target - a new file, only its owner's to read; on failure what is there of it is the caller's to remove
 * @throws {HostFileError} `EEXIST` when `target` is there
 */
export async function maskFile(
  source: string,
  target: string,
  masker: SecretMasker,
  signal?: AbortSignal,
): Promise<void> {
  const stream = masker.stream()
  const mask = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, stream.push(chunk)),
    flush: (done) => done(null, stream.end()),
  })
  try {
    const written = createWriteStream(target, { flags: 'wx', mode: 0o600 })
    await pipeline(createReadStream(source), mask, written, signal === undefined ? {} : { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
    throw new HostFileError(code, `cannot mask ${printable(source)} into`, printable(target), { cause })
  }
}
