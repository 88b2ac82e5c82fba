import { SourceError } from '../../errors.js'
import { encodeTarHeader, tarPadding, type TarHeader } from '../../image/tar-header.js'
import { printable } from '../../printable.js'

/** Parts of a tar archive whose entries all have one time. */
export class TarWriter {
  readonly #mtimeSeconds: number

  /** @param mtimeSeconds - 0 for the time of the upload */
  constructor(mtimeSeconds: number) {
    this.#mtimeSeconds = mtimeSeconds
  }

  folder(path: string): Buffer {
    return this.#header(path, { type: 'directory', mode: 0o755, size: 0 })
  }

  link(path: string, target: Buffer): Buffer {
    return this.#header(path, { type: 'symlink', mode: 0o777, size: 0, link: target })
  }

  /** @throws {SourceError} when the content is not as long as `size` says. */
  async *file(path: string, mode: number, size: number, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    yield this.#header(path, { type: 'file', mode, size })
    let given = 0
    for await (const chunk of content) {
      given += chunk.length
      if (given > size) break
      yield chunk
    }
    if (given !== size) {
      throw new SourceError(`'${printable(path, 120)}' changed while it was sent: ${given} bytes instead of ${size}.`, {
        details: { why: 'changed meanwhile' },
      })
    }
    yield tarPadding(size)
  }

  #header(path: string, fields: Pick<TarHeader, 'type' | 'mode' | 'size' | 'link'>): Buffer {
    return encodeTarHeader({ path: Buffer.from(path), uid: 0, gid: 0, mtimeSeconds: this.#mtimeSeconds, ...fields })
  }
}
