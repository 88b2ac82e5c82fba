/** The numbers of this process for Prometheus, over HTTP. */
import { parseMetricsOptions, type MetricsOptions } from '../options/metrics-options.js'
import { MetricsServer } from '../telemetry/index.js'

/**
 * An HTTP server that answers `GET` on one path with all numbers of the package, in the text format of Prometheus. Counts begin
 * when it is opened. It listens on loopback unless told otherwise, and asks for no password.
 */
export class MetricsEndpoint implements AsyncDisposable {
  readonly #server: MetricsServer

  private constructor(server: MetricsServer) {
    this.#server = server
  }

  /**
   * Listens; `{}` is `http://127.0.0.1:9464/metrics`.
   * @throws {InvalidOptionsError} {@link InvalidStateError} when the address cannot be had, for example a port in use
   */
  static async open(options: MetricsOptions = {}): Promise<MetricsEndpoint> {
    return new MetricsEndpoint(await MetricsServer.open(parseMetricsOptions(options)))
  }

  /** What to scrape, for example `http://127.0.0.1:9464/metrics`. */
  get url(): string {
    return this.#server.url
  }

  /** Stops listening and drops every connection. Idempotent. */
  close(): Promise<void> {
    return this.#server.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
