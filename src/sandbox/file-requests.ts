/**
 * Requests of `sandbox.fs` to the supervisor, alone and together with a stream of bytes.
 *
 * A request with a stream has two halves that can each fail first: the answer and the stream. When the guest gave the
 * stream up, its answer tells why and is waited for; when the host did, nothing of the guest is waited for, because one
 * that stays silent must not hold the caller.
 */
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type * as z from 'zod/mini'
import { GuestFileError, ProtocolError, RpcError } from '../errors.js'
import { CONTROL_ERROR_FILE, ProtocolViolation, describeIssue, fileErrorSchema } from '../protocol/index.js'
import type { Channel } from './channel.js'
import type { StreamIds } from './commands.js'
import { GuestResetError } from './streams.js'

/** How long the guest may take to say why it gave a stream up. */
const REASON_MS = 5_000

/** The parameters of a file request; every one has a path. */
export interface FileParams {
  readonly path: string
  readonly [name: string]: unknown
}

/** The part of a session that file requests need. */
export type FileSession = () => { readonly channel: Channel; readonly streamIds: StreamIds }

/** Sends file requests and turns the failures of the guest into `GuestFileError`. */
export class FileRequests {
  readonly #session: FileSession

  constructor(session: FileSession) {
    this.#session = session
  }

  /** One request, one answer of a known shape. @throws {GuestFileError} {@link ProtocolError} */
  async call<T>(method: string, params: FileParams, schema: z.ZodMiniType<T>): Promise<T> {
    const { channel } = this.#session()
    return answered(channel, method, params, schema, channel.request(method, params, 0))
  }

  /** A request that the guest answers with a stream, which `consume` reads. */
  async receive<T, C>(
    method: string,
    params: FileParams,
    schema: z.ZodMiniType<T>,
    signal: AbortSignal | null,
    consume: (stream: Readable) => Promise<C>,
  ): Promise<[answer: T, consumed: C]> {
    signal?.throwIfAborted()
    const { channel, streamIds } = this.#session()
    const id = streamIds.next()
    const answer = answered(channel, method, params, schema, channel.request(method, { ...params, stream: id }, 1))
    const stream = channel.openReadable(id)
    const consumed = consume(stream)
    return together(answer, consumed, signal, async () => {
      stream.destroy()
      await consumed.catch(() => undefined)
    })
  }

  /** A request that comes with a stream to the guest. `source` is read to its end or destroyed. */
  async send<T>(
    method: string,
    params: FileParams,
    schema: z.ZodMiniType<T>,
    signal: AbortSignal | null,
    source: Readable,
  ): Promise<T> {
    try {
      signal?.throwIfAborted()
      const { channel, streamIds } = this.#session()
      const id = streamIds.next()
      const answer = answered(channel, method, params, schema, channel.request(method, { ...params, stream: id }, 1))
      const stream = channel.openWritable(id)
      const sent = pipeline(source, stream)
      const [result] = await together(answer, sent, signal, async () => {
        stream.destroy()
        source.destroy()
        await sent.catch(() => undefined)
      })
      return result
    } finally {
      source.destroy()
    }
  }
}

/** Waits for both halves; after the first failure stops the host's half and finds the error that says most. */
async function together<T, S>(
  answer: Promise<T>,
  streamed: Promise<S>,
  signal: AbortSignal | null,
  stop: () => Promise<void>,
): Promise<[T, S]> {
  let onAbort = (): void => undefined
  const aborted = new Promise<never>((_, reject) => (onAbort = () => reject(signal?.reason as Error)))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([Promise.all([answer, streamed]), aborted])
  } catch (error) {
    await stop()
    if (isCanceled(error))
      throw await streamed.then(
        () => error,
        (own: unknown) => own,
      )
    throw error instanceof GuestResetError ? await reasonOf(error, answer) : error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** The guest says that the host gave the stream up: why is known here. */
function isCanceled(error: unknown): boolean {
  return error instanceof GuestFileError && error.code === 'ECANCELED'
}

/** The guest's own words for why it gave the stream up. */
function reasonOf(reset: GuestResetError, answer: Promise<unknown>): Promise<unknown> {
  const silent = new ProtocolError('the guest gave a stream up and did not say why', { cause: reset })
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(silent), REASON_MS)
    const settle = (error: unknown): void => {
      clearTimeout(timer)
      resolve(error)
    }
    answer.then(() => settle(silent), settle)
  })
}

/** The answer in its known shape. Whoever waits for the stream first may never look at it. */
function answered<T>(
  channel: Channel,
  method: string,
  params: FileParams,
  schema: z.ZodMiniType<T>,
  answer: Promise<unknown>,
): Promise<T> {
  const checked = check(channel, method, params, schema, answer)
  checked.catch(() => undefined)
  return checked
}

async function check<T>(
  channel: Channel,
  method: string,
  { path }: FileParams,
  schema: z.ZodMiniType<T>,
  answer: Promise<unknown>,
): Promise<T> {
  let value: unknown
  try {
    value = await answer
  } catch (error) {
    throw error instanceof RpcError ? guestError(error, path) : error
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const violation = new ProtocolViolation(`an answer to ${method} with ${describeIssue(parsed.error)}`)
  channel.fail(violation)
  throw new ProtocolError(`the sandbox broke the protocol: ${violation.message}`, { cause: violation })
}

/** The path is the caller's own: what the guest repeats of it is not shown. */
function guestError(error: RpcError, path: string): Error {
  const failure = error.rpcCode === CONTROL_ERROR_FILE ? fileErrorSchema.safeParse(error.data) : null
  if (failure?.success !== true) return error
  return new GuestFileError(failure.data.errno, failure.data.syscall, path, { cause: error })
}
