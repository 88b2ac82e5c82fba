/** Ends a program's process while its sandbox goes on. */
import { ProtocolViolation } from '../protocol/index.js'
import type { ProgramProcess } from './program.js'
import type { Session } from './session.js'

/** Signal numbers (signal(7)). */
const SIGTERM = 15
const SIGKILL = 9

/** How long the supervisor may take to report the end of what was killed. Milliseconds. */
const KILLED_MS = 30_000

/**
 * Asks the process to end and forces it after `graceMs`, with everything that it started. Resolves when it has ended, or
 * the sandbox has. A supervisor that does not report the end breaks the protocol.
 */
export async function endProgram(session: Session, program: ProgramProcess, graceMs: number): Promise<void> {
  const over = Promise.race([program.gone, session.ended])
  program.signal(SIGTERM, 'group')
  if (await within(over, graceMs)) return
  program.signal(SIGKILL, 'tree')
  if (await within(over, KILLED_MS)) return
  session.channel.fail(new ProtocolViolation(`no end of the program within ${KILLED_MS} ms of its kill`))
  await session.ended
}

/** @returns whether it happened in time. */
async function within(event: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)))
  const happened = await Promise.race([event.then(() => true), late])
  clearTimeout(timer)
  return happened
}
