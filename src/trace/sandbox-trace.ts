/** `sandbox.trace`: what was seen of a traced sandbox. A façade. */
import { InvalidStateError } from '../errors.js'
import type { GapEvent, TraceEvent } from './event.js'
import type { LearnedPolicy } from './learn/index.js'
import type { TraceSession } from './session.js'
import type { TraceSummary } from './summary.js'

/** What trace mode saw of one sandbox. Works while the sandbox lives and after its end. */
export class SandboxTrace {
  readonly #session: () => TraceSession | null

  /** @internal */
  constructor(session: () => TraceSession | null) {
    this.#session = session
  }

  /**
   * Everything so far, in short. Complete for every command that has ended: `run()` resolves only after its trace was read.
   * @throws {InvalidStateError} when the sandbox is not traced or was not started.
   */
  summary(): TraceSummary {
    return this.#started.summary()
  }

  /**
   * What is seen from this call on, until the sandbox ends. A reader that is slower than the guest misses the oldest events
   * and gets a `gap` with their number in their place; `trace.maxQueuedEvents` of them wait for each reader. For every event
   * without exception use `trace.log`.
   * @throws {InvalidStateError} when the sandbox is not traced or was not started.
   */
  events(): AsyncIterableIterator<TraceEvent | GapEvent> {
    return this.#started.events()
  }

  /**
   * A policy that allows just what was seen so far; with `trace.calls: 'all'` also the names of all system calls that were
   * used. `mergeLearned` joins those of several runs.
   * @throws {InvalidStateError} when the sandbox is not traced or was not started, or when more was seen than is kept.
   */
  learn(): LearnedPolicy {
    return this.#started.learn()
  }

  get #started(): TraceSession {
    const session = this.#session()
    if (session !== null) return session
    throw new InvalidStateError(
      'there is no trace: create the sandbox with `trace: true` or a policy, and await start()',
    )
  }
}
