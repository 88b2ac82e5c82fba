/**
 * One living runner for each state folder: two would take each other's builds for lost.
 *
 * The lock is the kernel's, so it goes with the process that holds it, however that ends.
 */
import { join } from 'node:path'
import { InvalidStateError } from '../errors.js'
import { holdFileLock } from '../users/file-lock.js'

const LOCK_FILE = 'runner.lock'

/**
 * Takes a state folder for this runner.
 *
 * @returns what gives it back
 * @throws {InvalidStateError} when a living runner has it, in this process or in another one
 */
export async function takeStateFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, LOCK_FILE)
  const lock = await holdFileLock(path)
  if (lock !== null) return () => lock.close()
  throw new InvalidStateError(
    `The state folder ${folder} belongs to another build runner that lives; fuser ${path} tells which. ` +
      'End that one first, or give this one another folder in the option stateDir.',
    { details: { folder } },
  )
}
