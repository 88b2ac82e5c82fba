/**
 * Requests to an engine: each has its own deadline and abort signal, and fails with one of the package's errors.
 *
 * dockerode carries the requests. Its per-method wrappers are not used, because they put whatever is sent also into the
 * URL (a seccomp profile of 40 kB) and hide when an answer has begun.
 */
import Docker from 'dockerode'
import type { Agent, IncomingMessage } from 'node:http'
import { addAbortSignal, type Duplex, type Readable } from 'node:stream'
import { EngineRequestError } from '../../errors.js'
import { describeEndpoint } from './endpoint.js'
import type { EngineEndpoint } from './endpoint-types.js'
import { createEngineAgent } from './engine-agent.js'
import { readAnswer, refusalOf } from './engine-answer.js'
import { deadlineError, toEngineError } from './engine-error.js'
import { chooseApiVersion, type EngineVersion, notAnEngine } from './api-version.js'
import { type Answered, tellRequest } from './request-telemetry.js'

/** One call of the engine's HTTP API. */
export interface EngineRequest {
  /** The step in words, for messages: `create a container`. */
  readonly what: string
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** Without host and version, for example `/containers/json`. */
  readonly path: string
  /** Objects are sent as JSON. */
  readonly query?: Readonly<Record<string, unknown>>
  /** An object is sent as JSON, a stream as a tar archive. */
  readonly body?: object | Readable
  /** Milliseconds until the answer must be there (for streams: until it begins). `null` waits for ever. Default 30,000. */
  readonly timeoutMs?: number | null
  /** Ends the request; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Goes on behind what began it: it has no span. Default `false`. */
  readonly background?: boolean
}

/** The seam that tests decorate to inject faults. */
export interface EngineClient {
  /** The endpoint and the negotiated API version; asks the engine once. */
  connect(signal?: AbortSignal): Promise<EngineConnection>
  /** @returns the parsed JSON answer, or a buffer when it is something else */
  request(request: EngineRequest): Promise<unknown>
  /** @returns the body of the answer as it arrives */
  stream(request: EngineRequest): Promise<Readable>
  /** @returns the raw connection after the engine's `101` */
  hijack(request: EngineRequest): Promise<Duplex>
  /** Drops every connection. Pending requests fail. */
  close(): void
}

/** What is known about the engine once it has answered. */
export interface EngineConnection {
  readonly endpoint: EngineEndpoint
  readonly version: EngineVersion
}

/** A deadline that no healthy engine misses for a request without heavy work. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000

/** Makes docker-modem hand over every answer: it would keep an error's body without bound, and only as part of a message. */
const EVERY_STATUS = new Proxy({}, { get: () => true })

/** The status of an answer that is the connection itself. */
const SWITCHED_PROTOCOLS = 101

type Shape = 'json' | 'stream' | 'hijack'

/** The part of docker-modem that is used. */
interface Modem {
  dial(options: object, callback: (error: unknown, data: unknown) => void): void
}

interface Wire {
  readonly endpoint: EngineEndpoint
  readonly modem: Modem
  readonly agent: Agent
}

/** {@link EngineClient} on dockerode. */
export class DockerodeClient implements EngineClient {
  readonly #discover: () => Promise<EngineEndpoint>
  readonly #requestTimeoutMs: number
  #wire: Promise<Wire> | null = null
  #connection: Promise<EngineConnection> | null = null

  /**
   * @param discover finds the endpoint; called on the first request, and again after it failed
   * @param requestTimeoutMs deadline of a request that names none
   */
  constructor(discover: () => Promise<EngineEndpoint>, requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS) {
    this.#discover = discover
    this.#requestTimeoutMs = requestTimeoutMs
  }

  async connect(signal?: AbortSignal): Promise<EngineConnection> {
    signal?.throwIfAborted()
    this.#connection ??= this.#negotiate().catch((error: unknown) => {
      this.#connection = null
      throw error
    })
    return signal === undefined ? this.#connection : abortable(this.#connection, signal)
  }

  async request(request: EngineRequest): Promise<unknown> {
    return this.#send(request, 'json')
  }

  async stream(request: EngineRequest): Promise<Readable> {
    return (await this.#send(request, 'stream')) as Readable
  }

  async hijack(request: EngineRequest): Promise<Duplex> {
    return (await this.#send(request, 'hijack')) as Duplex
  }

  close(): void {
    const wire = this.#wire
    this.#wire = null
    this.#connection = null
    wire?.then(
      ({ agent }) => agent.destroy(),
      () => undefined,
    )
  }

  async #send(request: EngineRequest, shape: Shape): Promise<unknown> {
    const { version } = await this.connect(request.signal)
    const wire = await this.#open()
    return this.#dial(wire, { ...request, path: `/v${version.used}${request.path}` }, shape)
  }

  async #negotiate(): Promise<EngineConnection> {
    const wire = await this.#open()
    const where = describeEndpoint(wire.endpoint)
    const request = { what: 'ask for its version', method: 'GET', path: '/version' } as const
    const answer = await this.#dial(wire, request, 'json').catch((error: unknown) => {
      // Some other server, for example of a web page, or one that wants TLS.
      throw error instanceof EngineRequestError ? notAnEngine(where, error.message) : error
    })
    return { endpoint: wire.endpoint, version: chooseApiVersion(answer, where) }
  }

  #open(): Promise<Wire> {
    this.#wire ??= this.#discover()
      .then(openWire)
      .catch((error: unknown) => {
        this.#wire = null
        throw error
      })
    return this.#wire
  }

  /** Every request goes through here. */
  #dial(wire: Wire, request: EngineRequest, shape: Shape): Promise<unknown> {
    return tellRequest(request, (answered) => this.#exchange(wire, request, shape, answered))
  }

  #exchange(wire: Wire, request: EngineRequest, shape: Shape, answered: Answered): Promise<unknown> {
    const where = describeEndpoint(wire.endpoint)
    const timeoutMs = request.timeoutMs === undefined ? this.#requestTimeoutMs : request.timeoutMs
    const { signal } = request
    return new Promise((resolve, reject) => {
      const controller = new AbortController()
      let settled = false
      const settle = (finish: () => void) => {
        if (settled) return
        settled = true
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        finish()
      }
      const fail = (error: Error) => {
        settle(() => reject(error))
        controller.abort()
      }
      const onAbort = () => fail(signal?.reason as Error)
      const onDeadline = () => fail(deadlineError(request.what, where, timeoutMs ?? 0))
      const timer = timeoutMs === null ? undefined : setTimeout(onDeadline, timeoutMs)
      if (signal?.aborted === true) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      wire.modem.dial(dialOptions(request, shape, controller.signal), (error, answer) => {
        if (settled) return (answer as Duplex | null)?.destroy()
        if (error) return fail(toEngineError(error, request.what, where))
        answered((answer as Partial<IncomingMessage>).statusCode ?? SWITCHED_PROTOCOLS)
        takeAnswer(answer as Duplex | IncomingMessage, shape, signal).then(
          (value) => settle(() => resolve(value)),
          (failure: unknown) => fail(toEngineError(failure, request.what, where)),
        )
      })
    })
  }
}

function openWire(endpoint: EngineEndpoint): Wire {
  const agent = createEngineAgent(endpoint)
  // Every field is given: docker-modem fills what is missing from DOCKER_HOST and its relatives.
  const unset = { host: undefined, port: undefined, socketPath: undefined, username: undefined, password: undefined }
  const noTls = { ca: undefined, cert: undefined, key: undefined, timeout: undefined, version: undefined }
  const address =
    endpoint.kind === 'unix'
      ? { socketPath: endpoint.socketPath, protocol: 'http' }
      : endpoint.kind === 'tcp'
        ? { host: endpoint.host, port: endpoint.port, protocol: endpoint.tls === null ? 'http' : 'https' }
        : { host: 'engine.invalid', port: 80, protocol: 'http' }
  const options = { ...unset, ...noTls, ...address, agent, pathPrefix: '/' }
  const docker = new Docker(options as unknown as Docker.DockerOptions)
  return { endpoint, modem: docker.modem, agent }
}

/** What the caller of a request of this shape gets. A stream stays bound to the caller's signal. */
async function takeAnswer(answer: Duplex | IncomingMessage, shape: Shape, signal?: AbortSignal): Promise<unknown> {
  if (!('statusCode' in answer)) return answer
  const isRefused = answer.statusCode === undefined || answer.statusCode >= 400
  if (isRefused || shape === 'hijack') throw await refusalOf(answer)
  if (shape === 'json') return readAnswer(answer)
  // The request is over by now, so its own signal is no longer the caller's.
  return signal === undefined ? answer : addAbortSignal(signal, answer)
}

function dialOptions(request: EngineRequest, shape: Shape, abortSignal: AbortSignal): object {
  const query = request.query ?? {}
  const isArchive = request.body !== undefined && 'pipe' in request.body
  return {
    // docker-modem appends a query only to a path that ends in a question mark.
    path: Object.keys(query).length > 0 ? `${request.path}?` : request.path,
    method: request.method,
    // Never the form in which docker-modem collects the answer itself: it waits for ever when the connection breaks midway.
    isStream: true,
    hijack: shape === 'hijack',
    statusCodes: EVERY_STATUS,
    abortSignal,
    // A hijacked request must have no body at all: what the engine has not read of one ends up in the container's stdin.
    // An empty buffer is the form for which docker-modem sends `Content-Length: 0` and no chunk.
    file: shape === 'hijack' ? Buffer.alloc(0) : isArchive ? request.body : undefined,
    headers: shape === 'hijack' ? { 'Content-Type': 'text/plain' } : undefined,
    options: { _query: query, _body: isArchive ? {} : (request.body ?? {}) },
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
