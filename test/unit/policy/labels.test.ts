import { describe, expect, it } from 'vitest'
import {
  buildLabels,
  DEADLINE_GRACE_MS,
  isAbandoned,
  isOurs,
  LABELS,
  type Owner,
  ownerIsDead,
  ownerState,
  parseOwner,
} from '../../../src/policy/labels.js'

const owner: Owner = { hostname: 'host', pid: 42, startTicks: '1000', bootId: 'boot', pidNamespace: '1' }
const now = new Date('2026-01-01T12:00:00Z')
const labels = (deadline = now) => buildLabels({ role: 'sandbox', owner, version: '1.0.0', sandboxId: 's', deadline })

/** What a machine knows: pid → start time. */
const machine = (processes: Record<number, string>, self: Partial<Owner> = {}) => ({
  self: { ...owner, pid: 1, startTicks: '1', ...self },
  startTicksOf: (pid: number) => processes[pid] ?? null,
})

describe('labels', () => {
  it('name the owner so that it is found again', () => {
    expect(parseOwner(labels())).toEqual(owner)
    expect(labels()[LABELS.owner]).toBe('host:42:1000')
  })

  it('of the user stay, but none that poses as ours', () => {
    const facts = { role: 'sandbox', owner, version: '1' } as const
    expect(buildLabels({ ...facts, extra: { team: 'a' } })).toMatchObject({ team: 'a', [LABELS.managed]: '1' })
    for (const name of ['container-sandbox.owner', 'Container-Sandbox.x']) {
      expect(() => buildLabels({ ...facts, extra: { [name]: 'x' } })).toThrow(RangeError)
    }
  })

  it('are all given, so that none is inherited from an image', () => {
    const given = buildLabels({ role: 'image', owner, version: '1' })
    expect(Object.keys(given).sort()).toEqual(Object.values(LABELS).sort())
  })

  it.each(['', 'host', 'host:0:1', 'host:-1:1', 'host:1:x', 'ho:st:1:1', 'host:1e3:1', 'host:1:1:1'])(
    'with the owner %j name nobody',
    (text) => {
      expect(parseOwner({ ...labels(), [LABELS.owner]: text })).toBeNull()
    },
  )
})

describe('an owner', () => {
  it('is alive when its process has the same start time, dead when it is gone or another one has its pid', () => {
    expect(ownerState(labels(), machine({ 42: '1000' }))).toBe('alive')
    expect(ownerState(labels(), machine({}))).toBe('dead')
    expect(ownerState(labels(), machine({ 42: '1001' }))).toBe('dead')
    expect(ownerIsDead(labels(), machine({}))).toBe(true)
  })

  it.each([{ hostname: 'other' }, { bootId: 'other' }, { pidNamespace: '2' }])(
    'is unknown to a machine with %j',
    (self) => {
      expect(ownerState(labels(), machine({}, self))).toBe('unknown')
      expect(ownerIsDead(labels(), machine({}, self))).toBe(false)
    },
  )
})

describe('a container is abandoned', () => {
  const passed = new Date(now.getTime() - DEADLINE_GRACE_MS - 1)

  it('when its owner is dead, whatever its deadline', () => {
    expect(isAbandoned(labels(new Date(now.getTime() + 1e6)), machine({}), now)).toBe(true)
  })

  it('never while its owner lives, whatever its deadline', () => {
    expect(isAbandoned(labels(passed), machine({ 42: '1000' }), now)).toBe(false)
  })

  it('of an unknown owner only when its deadline passed a minute ago', () => {
    const elsewhere = machine({}, { hostname: 'other' })
    expect(isAbandoned(labels(now), elsewhere, now)).toBe(false)
    expect(isAbandoned(labels(passed), elsewhere, now)).toBe(true)
    for (const text of ['', 'soon', 'NaN']) {
      expect(isAbandoned({ ...labels(), [LABELS.deadline]: text }, elsewhere, now)).toBe(false)
    }
  })

  it('never when it is not ours, or only runs from one of our images', () => {
    expect(isAbandoned({}, machine({}), now)).toBe(false)
    expect(isAbandoned({ ...labels(passed), [LABELS.role]: 'image' }, machine({}), now)).toBe(false)
    expect(isOurs({ ...labels(), [LABELS.managed]: '0' })).toBe(false)
  })
})
