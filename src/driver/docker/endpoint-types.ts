/** What the finders of an engine's endpoint share: where to look, what is found. */

/** PEM texts for TLS. Without `cert` and `key` the client does not identify itself. */
export interface TlsMaterial {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** One way to reach an engine. `origin` says in words who named it. */
export type EngineEndpoint =
  | { readonly kind: 'unix'; readonly socketPath: string; readonly origin: string }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      readonly tls: TlsMaterial | null
      readonly origin: string
    }
  | {
      readonly kind: 'ssh'
      readonly host: string
      readonly port: number | null
      readonly username: string | null
      readonly origin: string
    }

/** What a caller can say about the endpoint; everything else comes from the environment. */
export interface EndpointOptions {
  /** `unix:///path`, `tcp://host:port`, `https://host:port` or `ssh://user@host`. */
  readonly host: string | null
  /** A folder with `ca.pem`, `cert.pem` and `key.pem`; turns TLS on for `tcp://`. */
  readonly certPath: string | null
  /** The name of a docker context. */
  readonly context: string | null
}

/** What strategies look at besides the options; a parameter, so that tests need not change the process. */
export interface EndpointSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly uid: number
  /** The socket of an engine that the system runs. Default `/var/run/docker.sock`. */
  readonly systemSocket: string
}

/** What one strategy found. `tried` is for the message when nobody finds anything. */
export type StrategyResult = { readonly endpoint: EngineEndpoint } | { readonly tried: readonly string[] }

/** One place to look at. It throws `InvalidOptionsError` when that place names an endpoint that cannot be used. */
export interface EndpointStrategy {
  readonly name: string
  find(options: EndpointOptions, surroundings: EndpointSurroundings): Promise<StrategyResult>
}
