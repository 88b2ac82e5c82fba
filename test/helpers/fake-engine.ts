/** A server on a unix socket that says whatever a test wants an engine to say. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DockerodeClient } from '../../src/driver/docker/engine-client.js'

export class FakeEngine {
  readonly socketPath: string
  readonly #folder: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(folder: string, server: Server) {
    this.#folder = folder
    this.#server = server
    this.socketPath = join(folder, 'engine.sock')
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined)
    })
  }

  /** Answers `/version` like an engine and leaves the rest to `listener`. */
  static http(listener: RequestListener): Promise<FakeEngine> {
    const server = createHttpServer((request, response) => {
      if (request.url === '/version') response.end(JSON.stringify({ Version: '28.0.0', ApiVersion: '1.48' }))
      else listener(request, response)
    })
    return FakeEngine.#listen(server)
  }

  /** Hands over each connection as it is. */
  static raw(onConnection: (socket: Socket) => void): Promise<FakeEngine> {
    return FakeEngine.#listen(createServer(onConnection))
  }

  static async #listen(server: Server): Promise<FakeEngine> {
    const engine = new FakeEngine(await mkdtemp(join(tmpdir(), 'fake-engine-')), server)
    await new Promise<void>((resolve) => server.listen(engine.socketPath, resolve))
    return engine
  }

  get connections(): number {
    return this.#sockets.size
  }

  client(requestTimeoutMs = 2_000): DockerodeClient {
    const { socketPath } = this
    return new DockerodeClient(() => Promise.resolve({ kind: 'unix', socketPath, origin: 'a test' }), requestTimeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    await rm(this.#folder, { recursive: true, force: true })
  }
}
