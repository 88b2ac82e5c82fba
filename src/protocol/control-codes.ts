/**
 * Numbers of the control methods that both sides name. Apart from the schemas in control.ts, which the shovel does not load:
 * to build them takes 3 ms of each start.
 */

/** The version of the control methods; in `ready`. The host refuses another one. */
export const PROTOCOL_VERSION = 1

/** A command could not be started. The `data` of this and the next two has a schema in control.ts. */
export const CONTROL_ERROR_SPAWN = -32010
/** The program could not be loaded. */
export const CONTROL_ERROR_PROGRAM = -32011
/** A file operation failed. */
export const CONTROL_ERROR_FILE = -32012
/** A guest part of a plugin could not be loaded, or a hook of it failed. */
export const CONTROL_ERROR_PLUGIN = -32013

/** The exit code of a shovel or program to which the other side broke the protocol (sysexits.h, EX_SOFTWARE). */
export const EXIT_VIOLATION = 70
