/** What becomes of a guest that did what its policy does not allow: the option's word, or that of the caller's function. */
import { SandboxError } from '../errors.js'
import type { ResolvedTraceOptions } from '../options/index.js'
import type { Violation } from './event.js'

/** How long a function may take to decide, in milliseconds; then the guest is killed. */
export const DECISION_TIMEOUT_MS = 5_000

/** Decisions that may be pending at once; one more kills the guest. It bounds what a guest can make the host hold. */
export const MAX_PENDING_DECISIONS = 1_000

/** Who is told of the decisions. */
export interface DecisionHooks {
  /** Called at most once. */
  onKill(violation: Violation): void
  onError(error: SandboxError): void
}

/** Decides on one violation after the other. */
export class DecisionQueue {
  readonly #onViolation: ResolvedTraceOptions['onViolation']
  readonly #hooks: DecisionHooks
  readonly #pending = new Set<Promise<void>>()
  #isKilled = false

  constructor(onViolation: ResolvedTraceOptions['onViolation'], hooks: DecisionHooks) {
    this.#onViolation = onViolation
    this.#hooks = hooks
  }

  /** Asks for a decision. After one to kill, nothing more is asked. */
  decide(violation: Violation): void {
    if (this.#isKilled || this.#onViolation === 'report') return
    if (this.#onViolation === 'kill') return this.#kill(violation)
    if (this.#pending.size >= MAX_PENDING_DECISIONS) {
      return this.#fail(violation, `more than ${MAX_PENDING_DECISIONS} decisions of onViolation are pending`)
    }
    const decision = this.#ask(this.#onViolation, violation)
    if (decision === null) return
    this.#pending.add(decision)
    void decision.finally(() => this.#pending.delete(decision))
  }

  /** Resolves when no decision is pending. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  /** @returns `null` when the decision is there at once. */
  #ask(decide: Exclude<ResolvedTraceOptions['onViolation'], string>, violation: Violation): Promise<void> | null {
    try {
      const answer = decide(violation)
      if (!(answer instanceof Promise)) {
        this.#take(answer, violation)
        return null
      }
      return this.#await(answer, violation)
    } catch (cause) {
      this.#fail(violation, 'onViolation threw', cause)
      return null
    }
  }

  async #await(answer: Promise<unknown>, violation: Violation): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no answer within ${DECISION_TIMEOUT_MS} ms`)
      timer = setTimeout(() => reject(error), DECISION_TIMEOUT_MS)
    })
    try {
      this.#take(await Promise.race([answer, late]), violation)
    } catch (cause) {
      this.#fail(violation, 'onViolation did not decide', cause)
    } finally {
      clearTimeout(timer)
    }
  }

  #take(answer: unknown, violation: Violation): void {
    if (answer === 'kill') this.#kill(violation)
    else if (answer !== 'report' && answer !== undefined) {
      this.#fail(violation, "onViolation returned neither 'kill' nor 'report' nor nothing")
    }
  }

  #fail(violation: Violation, what: string, cause?: unknown): void {
    this.#hooks.onError(new SandboxError('ERR_TRACE_POLICY', `${what}: the guest is killed`, { cause }))
    this.#kill(violation)
  }

  #kill(violation: Violation): void {
    if (this.#isKilled) return
    this.#isKilled = true
    this.#hooks.onKill(violation)
  }
}
