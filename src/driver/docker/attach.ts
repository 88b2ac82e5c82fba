/** The container's stdio: one hijacked connection, opened before the container is started so that no byte is missed. */
import { type Duplex, type Readable, Writable } from 'node:stream'
import { Demultiplexer } from './demultiplexer.js'
import type { EngineClient } from './engine-client.js'

/** Stdio of a container, connected. */
export interface Attachment {
  /** To stdin. `end()` half-closes: the container reads end of file, its output goes on. */
  readonly input: Writable
  readonly output: Readable
  readonly errorOutput: Readable
  /** Resolves when the connection is gone, for whatever reason. That says nothing about the container. */
  readonly closed: Promise<void>
  /** Reads on to the end even when nobody takes the output any more, so that the engine can finish with the container. */
  release(): void
  /** Drops the connection. */
  destroy(): void
}

/**
 * @param id the container, created and not yet started
 * @throws {EngineUnavailableError} {@link EngineRequestError}
 */
export async function attach(
  client: EngineClient,
  id: string,
  options: {
    readonly timeoutMs?: number
    readonly stderrBytes?: number
    readonly signal?: AbortSignal | undefined
  } = {},
): Promise<Attachment> {
  const socket = await client.hijack({
    what: 'attach to a container',
    method: 'POST',
    path: `/containers/${id}/attach`,
    query: { stream: true, stdin: true, stdout: true, stderr: true },
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    signal: options.signal,
  })
  return attachmentOf(socket, options.stderrBytes)
}

/** @param socket a raw connection that carries stdin one way and `stdcopy` pieces the other way */
export function attachmentOf(socket: Duplex, stderrBytes?: number): Attachment {
  const demultiplexer = new Demultiplexer(socket, stderrBytes)
  const closed = new Promise<void>((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
  const input = inputOf(socket)
  return {
    input,
    output: demultiplexer.stdout,
    errorOutput: demultiplexer.stderr,
    closed,
    release: () => demultiplexer.release(),
    destroy: () => {
      input.destroy()
      socket.destroy()
    },
  }
}

function inputOf(socket: Duplex): Writable {
  const input = new Writable({
    write: (chunk: Buffer, _encoding, callback) => void socket.write(chunk, callback),
    writev: (chunks, callback) => {
      socket.cork()
      chunks.forEach(({ chunk }, index) =>
        socket.write(chunk as Buffer, index === chunks.length - 1 ? callback : undefined),
      )
      socket.uncork()
    },
    final: (callback) => void socket.end(() => callback()),
  })
  // A write to a container that has just ended fails; how it ended is told by `exited`.
  input.on('error', () => undefined)
  socket.once('close', () => input.destroy())
  return input
}
