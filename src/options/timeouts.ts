import type { z } from 'zod'
import { durationOption, objectOption } from './option.js'

/**
 * Start-up on an idle machine takes well below one second, so ten seconds are a fault and not a slow start. A ping
 * every ten seconds that may stay unanswered for ten finds a lockup within twenty. Two seconds of grace let a build tool remove
 * its temporary files.
 */
export const DEFAULT_TIMEOUTS = Object.freeze({
  startupMs: 10_000,
  callMs: null,
  pingIntervalMs: 10_000,
  lockupMs: 10_000,
  killGraceMs: 2_000,
  hookMs: 5_000,
})

/** `timeouts`: how long the host waits for the inside. */
export const timeoutsSchema = objectOption({
  startupMs: durationOption(1)
    .default(DEFAULT_TIMEOUTS.startupMs)
    .describe('From the start of the container until the supervisor is ready and the program is loaded.'),
  callMs: durationOption(1, 'no deadline')
    .nullable()
    .default(DEFAULT_TIMEOUTS.callMs)
    .describe('Deadline of each `rpc.call` that gives none itself.'),
  pingIntervalMs: durationOption(10, 'no lockup detection')
    .nullable()
    .default(DEFAULT_TIMEOUTS.pingIntervalMs)
    .describe('Time between two pings to the supervisor and the program.'),
  lockupMs: durationOption(10)
    .default(DEFAULT_TIMEOUTS.lockupMs)
    .describe(
      'Silence after a ping that counts as a lockup. It ends the sandbox when it is the supervisor, as `oom` when its memory is full; for the program see `onLockup`.',
    ),
  killGraceMs: durationOption(0)
    .default(DEFAULT_TIMEOUTS.killGraceMs)
    .describe('Time between the first signal and `SIGKILL` when a command or the sandbox is ended.'),
  hookMs: durationOption(1)
    .default(DEFAULT_TIMEOUTS.hookMs)
    .describe('Deadline of each hook of a plugin; one that does not return in time is a `PluginError`.'),
})
  .readonly()
  .describe('How long the host waits.')

/** What a caller gives as `timeouts`. */
export type TimeoutsOptions = z.input<typeof timeoutsSchema>
/** The same with every default filled in. */
export type ResolvedTimeouts = z.output<typeof timeoutsSchema>
