/** The shapes of what is published on diagnostics channels. */

/** `container-sandbox:sandbox:start` */
export interface SandboxStartMessage {
  readonly sandboxId: string
  /** The engine's id; `null` when no container was made. */
  readonly containerId: string | null
  /** From `start()` on. */
  readonly durationMs: number
  /** What the start failed with; `null` when the sandbox is ready. */
  readonly error: unknown
}

/** `container-sandbox:sandbox:end` */
export interface SandboxEndMessage {
  readonly sandboxId: string
  readonly containerId: string | null
  /** As `SandboxExitedError.reason`. */
  readonly reason: string
  readonly exitCode: number | null
  readonly signal: string | null
}

/** `container-sandbox:command:start` */
export interface CommandStartMessage {
  readonly sandboxId: string
  /** Counts the commands of this process; the end has the same. */
  readonly commandId: number
  /** Base name of the program, escaped and cut. */
  readonly program: string
}

/** `container-sandbox:command:end` */
export interface CommandEndMessage extends CommandStartMessage {
  /** As in the result of `run()`; `error` when the command could not be started by a fault that is not its own. */
  readonly outcome: string
  readonly exitCode: number | null
  readonly signal: string | null
  readonly durationMs: number
  readonly cpuMs: number
}

/** `container-sandbox:engine:request` */
export interface EngineRequestMessage {
  /** For example `container.create`; see the metric `container_sandbox.engine.requests`. */
  readonly operation: string
  readonly method: string
  /** `null` when the engine did not answer. */
  readonly statusCode: number | null
  readonly durationMs: number
  /** The class of what went wrong, as in `error.type` of the span; `null` when nothing did. */
  readonly errorType: string | null
}

/** `container-sandbox:pool:acquire` */
export interface PoolAcquireMessage {
  readonly template: string
  readonly sandboxId: string
  readonly warm: boolean
  readonly waitMs: number
}

/** `container-sandbox:pool:discard` */
export interface PoolDiscardMessage {
  readonly template: string
  readonly sandboxId: string
  /** `used`, `stale`, `unhealthy`, `ended`, `reset` (could not be cleared), `surplus` or `closed`. */
  readonly reason: string
}

/** `container-sandbox:queue:reject` */
export interface QueueRejectMessage {
  readonly tenant: string
  readonly waiting: number
  readonly limit: number
}

/** `container-sandbox:build:submit` */
export interface BuildSubmitMessage {
  readonly buildId: string
  readonly tenant: string
}

/** `container-sandbox:build:start` */
export interface BuildStartMessage extends BuildSubmitMessage {
  readonly sandboxId: string
  readonly waitMs: number
}

/** `container-sandbox:build:end` */
export interface BuildEndMessage extends BuildSubmitMessage {
  /** As in the result of the build. */
  readonly outcome: string
  readonly durationMs: number
}

/** What each channel tells. */
export interface ChannelMessages {
  'container-sandbox:sandbox:start': SandboxStartMessage
  'container-sandbox:sandbox:end': SandboxEndMessage
  'container-sandbox:command:start': CommandStartMessage
  'container-sandbox:command:end': CommandEndMessage
  'container-sandbox:engine:request': EngineRequestMessage
  'container-sandbox:pool:acquire': PoolAcquireMessage
  'container-sandbox:pool:discard': PoolDiscardMessage
  'container-sandbox:queue:reject': QueueRejectMessage
  'container-sandbox:build:submit': BuildSubmitMessage
  'container-sandbox:build:start': BuildStartMessage
  'container-sandbox:build:end': BuildEndMessage
}
