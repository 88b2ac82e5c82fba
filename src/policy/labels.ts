/**
 * Labels on everything that the package makes on an engine, and what they say about whether its maker still lives.
 *
 * A sweep removes what carries these labels, so a wrong "dead" would end somebody's running sandbox: an owner is dead only
 * when this very machine, boot and PID namespace can say so.
 */

import { LABEL_PREFIX } from '../options/index.js'

/** Every container of the package is named with this prefix and its sandbox' id. */
export const CONTAINER_NAME_PREFIX = 'container-sandbox-'

/** The package's labels by their use. */
export const LABELS = {
  /** `1` on everything that the package made. */
  managed: `${LABEL_PREFIX}managed`,
  sandboxId: `${LABEL_PREFIX}sandbox-id`,
  /** `<hostname>:<pid>:<start time of that process in clock ticks since boot>`. */
  owner: `${LABEL_PREFIX}owner`,
  /** The owner's `/proc/sys/kernel/random/boot_id`. */
  bootId: `${LABEL_PREFIX}boot-id`,
  /** The inode of the owner's PID namespace: a pid means nothing in another one. */
  pidNamespace: `${LABEL_PREFIX}pid-namespace`,
  /** ISO 8601 time after which the sandbox is no longer wanted. */
  deadline: `${LABEL_PREFIX}deadline`,
  user: `${LABEL_PREFIX}user`,
  /** One of {@link Role}. */
  role: `${LABEL_PREFIX}role`,
  /** The package's version. */
  version: `${LABEL_PREFIX}version`,
} as const

/** What a labelled thing is for. */
export type Role = 'sandbox' | 'image' | 'tracer'

/** A process on a machine, such that no later one is taken for it. */
export interface Owner {
  readonly hostname: string
  readonly pid: number
  /** Field 22 of `/proc/<pid>/stat` (proc(5)): clock ticks since boot. */
  readonly startTicks: string
  readonly bootId: string
  /** Inode number of the PID namespace. */
  readonly pidNamespace: string
}

/** What a sweeping process knows about its own machine. */
export interface OwnerRegister {
  readonly self: Owner
  /** @returns the start time of a process of this machine, `null` when there is none with that pid */
  readonly startTicksOf: (pid: number) => string | null
}

/** How long past its deadline a container of an unknown owner is left alone: clocks of hosts differ. Milliseconds. */
export const DEADLINE_GRACE_MS = 60_000

/** What labels are built from. */
export interface LabelFacts {
  readonly role: Role
  readonly owner: Owner
  readonly version: string
  readonly sandboxId?: string
  readonly deadline?: Date
  readonly user?: string
  /** The user's own labels; none may start with {@link LABEL_PREFIX}. */
  readonly extra?: Readonly<Record<string, string>>
}

/**
 * @returns the labels, the package's own last, so that none of the user's can replace one
 * @throws {RangeError} when one of the user's labels starts with the package's prefix
 */
export function buildLabels(facts: LabelFacts): Record<string, string> {
  const reserved = Object.keys(facts.extra ?? {}).find((name) => name.toLowerCase().startsWith(LABEL_PREFIX))
  if (reserved !== undefined) {
    throw new RangeError(`The label '${reserved}' is reserved: labels may not start with '${LABEL_PREFIX}'.`)
  }
  const { owner } = facts
  return {
    ...facts.extra,
    [LABELS.managed]: '1',
    [LABELS.role]: facts.role,
    [LABELS.version]: facts.version,
    [LABELS.owner]: `${owner.hostname}:${owner.pid}:${owner.startTicks}`,
    [LABELS.bootId]: owner.bootId,
    [LABELS.pidNamespace]: owner.pidNamespace,
    // Always all of them: an image's labels are inherited by its containers unless they are overwritten.
    [LABELS.sandboxId]: facts.sandboxId ?? '',
    [LABELS.user]: facts.user ?? '',
    [LABELS.deadline]: facts.deadline?.toISOString() ?? '',
  }
}

/** @returns the owner that the labels name, `null` when they name none or are malformed */
export function parseOwner(labels: Readonly<Record<string, string>>): Owner | null {
  const match = /^([^:]+):([1-9]\d{0,9}):(\d{1,20})$/.exec(labels[LABELS.owner] ?? '')
  const bootId = labels[LABELS.bootId]
  const pidNamespace = labels[LABELS.pidNamespace]
  if (match === null || !bootId || !pidNamespace) return null
  const [, hostname = '', pid = '', startTicks = ''] = match
  return { hostname, pid: Number(pid), startTicks, bootId, pidNamespace }
}

/**
 * @returns `alive` or `dead` when the owner is a process of this machine, boot and PID namespace, else `unknown`
 */
export function ownerState(
  labels: Readonly<Record<string, string>>,
  register: OwnerRegister,
): 'alive' | 'dead' | 'unknown' {
  const owner = parseOwner(labels)
  const { self, startTicksOf } = register
  if (owner === null || owner.hostname !== self.hostname || owner.bootId !== self.bootId) return 'unknown'
  if (owner.pidNamespace !== self.pidNamespace) return 'unknown'
  return startTicksOf(owner.pid) === owner.startTicks ? 'alive' : 'dead'
}

/** `true` only when this machine itself can tell that the owner is gone. */
export function ownerIsDead(labels: Readonly<Record<string, string>>, register: OwnerRegister): boolean {
  return ownerState(labels, register) === 'dead'
}

/**
 * `true` when a container may be removed: its owner is dead, or nobody here knows its owner and its deadline passed more
 * than {@link DEADLINE_GRACE_MS} ago. Never while its owner lives.
 */
export function isAbandoned(labels: Readonly<Record<string, string>>, register: OwnerRegister, now: Date): boolean {
  if (!isOurs(labels)) return false
  const state = ownerState(labels, register)
  if (state !== 'unknown') return state === 'dead'
  const deadline = Date.parse(labels[LABELS.deadline] ?? '')
  return Number.isFinite(deadline) && now.getTime() > deadline + DEADLINE_GRACE_MS
}

/** `true` for the labels of a container of this package: not of one that somebody runs from one of its images. */
export function isOurs(labels: Readonly<Record<string, string>>): boolean {
  return labels[LABELS.managed] === '1' && (labels[LABELS.role] === 'sandbox' || labels[LABELS.role] === 'tracer')
}
