/** The flags of fork, vfork, clone and clone3. */
import type { StartingCall } from '../calls/index.js'
import type { StartFlags } from './process.js'

const PLAIN: StartFlags = { thread: false, sharesFolder: false }

/** clone's arguments are named; clone3 has a structure, whose first member the flags are. */
const FLAGS = /^\{?flags=([A-Za-z0-9_|]*)/

/** @param args - the arguments, or as many as were printed when the call began */
export function readStartFlags(call: StartingCall, args: readonly string[]): StartFlags {
  if (call.flags === null) return PLAIN
  const words = FLAGS.exec(args[call.flags] ?? '')?.[1]?.split('|')
  if (words === undefined) return PLAIN
  return { thread: words.includes('CLONE_THREAD'), sharesFolder: words.includes('CLONE_FS') }
}
