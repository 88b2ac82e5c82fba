/**
 * Lets a command open its input again after the input has ended.
 *
 * open(2) of a FIFO for reading waits for a writer (fifo(7)), and after the end there is none: `sh /dev/stdin` would wait
 * for ever, where with an anonymous pipe it reads an end of file. A writer that comes and goes releases whoever waits.
 * Nothing tells when somebody does, so one comes again and again, ever less often, as long as the command runs.
 */
import { closeSync, constants, openSync } from 'node:fs'

const FIRST_PAUSE_MS = 2
const LONGEST_PAUSE_MS = 100

/** The FIFO of an input that has ended. */
export class EndedInput {
  readonly #fd: number
  #pauseMs = FIRST_PAUSE_MS
  #timer: NodeJS.Timeout | undefined

  /**
   * @param fd the FIFO's write end; not needed any more when this returns.
   * @returns `null` when no descriptor is left; the command then does without.
   */
  static open(fd: number): EndedInput | null {
    try {
      return new EndedInput(openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK))
    } catch {
      return null
    }
  }

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** The write end is closed from now on. */
  start(): void {
    this.#timer = setTimeout(() => {
      comeAndGo(this.#fd)
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
      this.start()
    }, this.#pauseMs)
  }

  /** The command is gone. */
  close(): void {
    clearTimeout(this.#timer)
    closeSync(this.#fd)
  }
}

function comeAndGo(fd: number): void {
  try {
    closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK))
  } catch {
    // No descriptor is left for now; the next time may do.
  }
}
