/**
 * The life of a sandbox as a pure state machine.
 *
 *     created ──start──▶ starting ──ready──▶ ready ──stop──▶ stopping ──gone──▶ exited
 *        │                  │                  │                                  ▲
 *        │                  └──────stop───────▶│ (stopping)                       │
 *        └──────gone──────────────────────────gone─────────────────────────────▶──┘
 *
 * `gone` is accepted in every living state: a container can end at any time. Nothing leaves `exited`.
 */

export type SandboxState = 'created' | 'starting' | 'ready' | 'stopping' | 'exited'

/** What can happen to a sandbox. */
export type SandboxTransition = 'start' | 'ready' | 'stop' | 'gone'

const TRANSITIONS: Readonly<Record<SandboxState, Readonly<Partial<Record<SandboxTransition, SandboxState>>>>> = {
  created: { start: 'starting', stop: 'stopping', gone: 'exited' },
  starting: { ready: 'ready', stop: 'stopping', gone: 'exited' },
  ready: { stop: 'stopping', gone: 'exited' },
  stopping: { stop: 'stopping', gone: 'exited' },
  exited: { gone: 'exited', stop: 'exited' },
}

/**
 * The state that follows, or `null` when the transition does not exist in this state.
 * `stop` and `gone` are idempotent: repeating them changes nothing.
 */
export function nextState(state: SandboxState, transition: SandboxTransition): SandboxState | null {
  return TRANSITIONS[state][transition] ?? null
}

/** `true` while the container can still answer. */
export function isAlive(state: SandboxState): boolean {
  return state === 'starting' || state === 'ready'
}
