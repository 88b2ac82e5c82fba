import type { SandboxOptions as ContainerOptions } from '../../options/index.js'
import type { PluginEntry } from './plugin-manager.js'

/** Options of `new Sandbox(path, options)`, all optional. Durations are in milliseconds. */
export interface OldSandboxOptions {
  /** Cannot be replaced: only the default is taken. */
  readonly shovel?: string
  /** Has no meaning: the program runs on the node that is packed into the sandbox. Default `'node'`. */
  readonly node_command?: string
  /** How long a pong may take; 0 or less: no lockup detection. Default 10,000. */
  readonly lockup_timeout?: number
  /** From `kill()` to `SIGKILL`; 0 or less: never. Default 10,000. */
  readonly kill_with_fire_timeout?: number
  /** Pause between pings; 0 or less: no pings. At least 10. Default 10,000. */
  readonly ping_interval?: number
  /** From the container's start to `ready`; 0 or less: no deadline. Default 10,000. */
  readonly startup_timeout?: number
  /** How long a call may take, in both directions; 0 or less: for ever. Default −1. */
  readonly call_timeout?: number
  /** Built-in modules that the program may `require`, by name or by the name of their binding in node 0.8. Default `['tty_wrap', 'pipe_wrap']`, which permits none. */
  readonly permissions?: readonly string[]
  /** Where plugins lie that are given by name; relative to the working directory. Default `'./plugins'`. */
  readonly plugins_dir?: string
  /** Default `['rpc', 'lockup_detection', 'wrapper']`. */
  readonly plugins?: readonly PluginEntry[]
  /** New: further options of the sandbox, such as `limits`, `mounts`, `network`, `driver`. */
  readonly sandbox?: Omit<ContainerOptions, 'program' | 'permissions' | 'timeouts' | 'plugins' | 'methods' | 'onLockup'>
}

/** The same with every default filled in. */
export type CompleteOptions = Required<OldSandboxOptions>

const SHOVEL = 'shovel.js'

/**
 * @returns a copy of its own for each sandbox: nothing of the caller's is changed, nothing is shared.
 * @throws {Error} for a `shovel` of the caller's own.
 */
export function completeOptions(given: OldSandboxOptions = {}): CompleteOptions {
  const options: CompleteOptions = {
    shovel: SHOVEL,
    node_command: 'node',
    lockup_timeout: 10_000,
    kill_with_fire_timeout: 10_000,
    ping_interval: 10_000,
    startup_timeout: 10_000,
    call_timeout: -1,
    permissions: ['tty_wrap', 'pipe_wrap'],
    plugins_dir: './plugins',
    plugins: ['rpc', 'lockup_detection', 'wrapper'],
    sandbox: {},
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  }
  if (options.shovel !== SHOVEL) {
    throw new Error('The shovel cannot be replaced: what it prepared for the program belongs into a plugin')
  }
  return { ...options, permissions: [...options.permissions], plugins: structuredClone(options.plugins) }
}

/** The longest delay that a timer takes. */
export const FOR_EVER = 2 ** 31 - 1
/** The shortest time that the sandbox takes for pings. */
const MIN_PING_MS = 10

/** The old timeouts as the sandbox takes them. */
export function timeoutsOf(options: CompleteOptions, isWatched: boolean) {
  const { startup_timeout, ping_interval, lockup_timeout, kill_with_fire_timeout } = options
  return {
    startupMs: isWatched ? durationOf(startup_timeout) : FOR_EVER,
    pingIntervalMs: isWatched && ping_interval > 0 ? Math.max(MIN_PING_MS, durationOf(ping_interval)) : null,
    lockupMs: Math.max(MIN_PING_MS, durationOf(lockup_timeout)),
    killGraceMs: durationOf(kill_with_fire_timeout),
  }
}

/** @returns what a timer takes; for 0 and less, which are no limit, the longest that it takes. */
export function durationOf(ms: number): number {
  return ms > 0 ? Math.min(Math.ceil(ms), FOR_EVER) : FOR_EVER
}
