/** Asks everything in a sandbox to end, before it is ended by force. */
import type { ProgramProcess } from './program.js'
import type { Session } from './session.js'

/** Signal number of SIGTERM (signal(7)). */
const SIGTERM = 15

/** Resolves when the commands and the program have ended, the sandbox is gone, or `graceMs` are over. Never rejects. */
export async function askToEnd(session: Session, program: ProgramProcess | null, graceMs: number): Promise<void> {
  const { running } = session.commands
  if (session.ending || graceMs === 0 || (running.length === 0 && program === null)) return
  const ends = running.map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve())))
  for (const child of running) child.kill('SIGTERM', 'group')
  if (program !== null) {
    ends.push(new Promise((resolve) => program.stdout.once('close', () => resolve())))
    program.signal(SIGTERM, 'group')
  }
  let timer: NodeJS.Timeout | undefined
  const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)))
  await Promise.race([Promise.all(ends), grace, session.ended])
  clearTimeout(timer)
}
