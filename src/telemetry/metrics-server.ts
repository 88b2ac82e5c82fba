/**
 * The HTTP server behind `MetricsEndpoint`.
 *
 * Theory of operation. Whoever reaches the port may read the numbers, and no more: one path, GET and HEAD, nothing of a request
 * is kept or shown. A client is given little: small headers, a few seconds to send them, as many to take the answer, and one of a
 * few connections. Many requests fit into one packet: one rendering serves all that ask at the same moment. A web page that has its
 * own name resolve to this host (DNS rebinding) is refused by the name that it asks for.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP, type AddressInfo } from 'node:net'
import { InvalidStateError } from '../errors.js'
import { MetricsRegistry } from './metrics-registry.js'

/** Where to listen; checked already. */
export interface MetricsServerOptions {
  /** An IP address, or `localhost`. */
  readonly host: string
  /** 0 takes one that is free. */
  readonly port: number
  readonly path: string
}

const MAX_HEADER_BYTES = 8 * 1024
const MAX_HEADERS = 64
/** A scraper needs one; some are left for those that hang. */
const MAX_CONNECTIONS = 16
/** Milliseconds for the whole of a request, and of silence on a connection. */
const PATIENCE_MS = 5_000
const CHECK_INTERVAL_MS = 1_000

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: give another port, or 0 for any that is free',
  EACCES: 'ports below 1024 need a privilege: give a higher one',
  EADDRNOTAVAIL: 'this host has no such address: give one of its own, for example 127.0.0.1',
}

/** Answers with the numbers of this process until it is closed. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: Server
  readonly #registry: MetricsRegistry
  readonly #options: MetricsServerOptions
  #bound: AddressInfo = { address: '', family: '', port: 0 }
  #rendering: Promise<Buffer> | null = null
  #closing: Promise<void> | null = null

  private constructor(options: MetricsServerOptions) {
    this.#options = options
    this.#registry = new MetricsRegistry()
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: PATIENCE_MS,
        requestTimeout: PATIENCE_MS,
        keepAliveTimeout: PATIENCE_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      },
      (request, response) => this.#answer(request, response),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.maxHeadersCount = MAX_HEADERS
    // Of silence in both directions: also a client that does not take the answer.
    this.#server.setTimeout(PATIENCE_MS)
  }

  /** Listens. @throws {InvalidStateError} when the address cannot be had */
  static async open(options: MetricsServerOptions): Promise<MetricsServer> {
    const server = new MetricsServer(options)
    try {
      await server.#listen()
    } catch (error) {
      server.#registry.close()
      throw error
    }
    return server
  }

  /** What to scrape, for example `http://127.0.0.1:9464/metrics`. */
  get url(): string {
    const { address, family, port } = this.#bound
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}${this.#options.path}`
  }

  /** Stops listening and drops every connection. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#registry.close()
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      // It stays: a connection that cannot be accepted later is no reason to end the process.
      this.#server.on('error', (error: NodeJS.ErrnoException) => {
        const code = error.code ?? error.name
        const message = `the metrics endpoint cannot listen on ${host}, port ${port}: ${code}, ${ADVICE[code] ?? error.message}`
        reject(new InvalidStateError(message, { cause: error, details: { code, host, port } }))
      })
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#bound = this.#server.address() as AddressInfo
        resolve()
      })
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.setHeader('Cache-Control', 'no-store')
    const { method } = request
    if (this.#isRebound(request)) return refuse(response, 421)
    if (request.url?.split('?', 1)[0] !== this.#options.path) return refuse(response, 404)
    if (method !== 'GET' && method !== 'HEAD') return refuse(response.setHeader('Allow', 'GET, HEAD'), 405)
    this.#render().then(
      (text) => {
        response.setHeader('Content-Type', this.#registry.contentType)
        response.setHeader('Content-Length', text.length)
        response.end(method === 'HEAD' ? undefined : text)
      },
      () => refuse(response, 500),
    )
  }

  #render(): Promise<Buffer> {
    this.#rendering ??= this.#registry
      .text()
      .then((text) => Buffer.from(text))
      .finally(() => (this.#rendering = null))
    return this.#rendering
  }

  /** On a loopback address nobody but a page with a name of its own asks for another name. */
  #isRebound({ headers: { host = '' } }: IncomingMessage): boolean {
    if (!/^(?:(?:::ffff:)?127\.|::1$)/.test(this.#bound.address)) return false
    const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
    return name !== '' && name !== 'localhost' && isIP(name) === 0
  }
}

/** The connection ends with it: what a client may still send of a body is not read. */
function refuse(response: ServerResponse, status: number): void {
  response.setHeader('Connection', 'close')
  response.writeHead(status, { 'Content-Length': 0 }).end()
}
