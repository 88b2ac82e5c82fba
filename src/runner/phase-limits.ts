/** How long what surrounds the steps of a build may take. The steps have a limit of the build's own. */

/** Starting a sandbox, placing the source and restoring caches: a stream can stall, and so can a server. Milliseconds. */
export const PREPARE_MS = 15 * 60_000

/** Keeping artifacts and saving caches. Milliseconds. */
export const SAVE_MS = 15 * 60_000
