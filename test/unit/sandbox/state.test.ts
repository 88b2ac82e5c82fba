import { describe, expect, it } from 'vitest'
import { isAlive, nextState, type SandboxState, type SandboxTransition } from '../../../src/sandbox/state.js'

const STATES: readonly SandboxState[] = ['created', 'starting', 'ready', 'stopping', 'exited']
const TRANSITIONS: readonly SandboxTransition[] = ['start', 'ready', 'stop', 'gone']

/** The whole machine, written down once more: every pair that is not here does not exist. */
const TABLE: Readonly<Record<string, SandboxState>> = {
  'created start': 'starting',
  'created stop': 'stopping',
  'created gone': 'exited',
  'starting ready': 'ready',
  'starting stop': 'stopping',
  'starting gone': 'exited',
  'ready stop': 'stopping',
  'ready gone': 'exited',
  'stopping stop': 'stopping',
  'stopping gone': 'exited',
  'exited stop': 'exited',
  'exited gone': 'exited',
}

describe('nextState', () => {
  const pairs = STATES.flatMap((state) => TRANSITIONS.map((transition) => [state, transition] as const))

  it.each(pairs)('%s %s', (state, transition) => {
    expect(nextState(state, transition)).toBe(TABLE[`${state} ${transition}`] ?? null)
  })

  it('ends from every state, and never leaves the end', () => {
    for (const state of STATES) expect(nextState(state, 'gone')).toBe('exited')
    for (const transition of ['start', 'ready'] as const) expect(nextState('exited', transition)).toBeNull()
  })

  it('counts only starting and ready as alive', () => {
    expect(STATES.filter(isAlive)).toEqual(['starting', 'ready'])
  })
})
