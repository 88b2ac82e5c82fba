/**
 * How the two halves of the drop-in talk: by four methods of the sandbox's own RPC, in both directions.
 *
 * What the program and the host expose to each other is not exposed there under its own names. The old rules of names, of
 * parameters and of `this` differ from the sandbox's, and they hold at both ends in the same code.
 */

/** A JSON-RPC peer of the package: `sandbox.rpc` on the host, the program's `rpc` in the sandbox. */
export interface Link {
  call(method: string, params: readonly unknown[], options?: { readonly timeoutMs: number }): Promise<unknown>
  notify(method: string, params: readonly unknown[]): void
  expose(name: string, method: (...params: never[]) => unknown): unknown
}

/** The methods of a link. */
export const LINK = {
  /** Calls what the other side exposes: its name, and the parameters when there are any. */
  call: 'call',
  /** A piece of the byte stream, in base64. Answered when it was taken. */
  data: 'data',
  /** The byte stream's end. */
  end: 'end',
  /** Host to program: run this. */
  load: 'load',
  /** Host to program: a sign of life. */
  ping: 'ping',
} as const

/** What `load` gets. */
export interface LoadRequest {
  /** For stacks. */
  readonly filename: string
  /** `null`: the file could not be read, as `error` says. */
  readonly source: string | null
  readonly error: string | null
  readonly callTimeoutMs: number
  /** What the program may `require`. */
  readonly modules: readonly string[]
  /** In order. */
  readonly plugins: readonly GuestPart[]
}

/** A plugin's half in the sandbox. */
export interface GuestPart {
  readonly plugin: string
  readonly provides: string[]
  /** Its path on the host, for stacks. */
  readonly main: string
  /** Texts of the plugin's files by path. */
  readonly sources: Record<string, string>
  readonly startData: unknown
}
