/** Parsers of the files below `/proc/<pid>` (proc(5)) that the read-back audit compares with the spec. Pure. */
import type { MountEntry, ThreadStatus } from './observation.js'

/** Soft and hard value of one resource limit; `null` is unlimited. */
export interface Rlimit {
  readonly soft: number | null
  readonly hard: number | null
}

/**
 * Reads `/proc/<pid>/task/<tid>/status`.
 * Fields that only Linux has are `null` where they are missing.
 * @throws {SyntaxError} when another field that the audit needs is missing: nothing may pass because it was not there
 */
export function parseStatus(text: string, pid: number, tid: number): ThreadStatus {
  const fields = new Map(
    text.split('\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
    }),
  )
  const field = (name: string) => {
    const value = fields.get(name)
    if (value === undefined) throw new SyntaxError(`The status of thread ${pid}/${tid} has no field '${name}'.`)
    return value
  }
  return {
    pid,
    tid,
    name: field('Name'),
    uids: numbers(field('Uid')),
    gids: numbers(field('Gid')),
    groups: numbers(field('Groups')),
    tracerPid: fields.has('TracerPid') ? integer(field('TracerPid')) : 0,
    seccompMode: integer(field('Seccomp')),
    noNewPrivs: fields.has('NoNewPrivs') ? integer(field('NoNewPrivs')) === 1 : null,
    capabilities: {
      inheritable: field('CapInh'),
      permitted: field('CapPrm'),
      effective: field('CapEff'),
      bounding: field('CapBnd'),
      ambient: fields.get('CapAmb') ?? null,
    },
  }
}

/**
 * Reads `/proc/<pid>/mountinfo`, in the kernel's order: a later mount on the same target hides an earlier one.
 * @throws {SyntaxError} when a line is not the kernel's
 */
export function parseMountinfo(text: string): MountEntry[] {
  return lines(text).map((line) => {
    // 36 35 98:0 /root /target rw,noatime [optional fields] - type source superoptions
    const fields = line.split(' ')
    const separator = fields.indexOf('-', 6)
    const [type, source, superOptions] = fields.slice(separator + 1)
    const [target, options] = fields.slice(4, 6)
    if (
      separator < 0 ||
      target === undefined ||
      options === undefined ||
      type === undefined ||
      superOptions === undefined
    ) {
      throw new SyntaxError(`'${line.slice(0, 200)}' is no line of mountinfo.`)
    }
    return {
      target: unescapeMountField(target),
      type,
      source: unescapeMountField(source ?? ''),
      options: options.split(','),
      superOptions: superOptions.split(','),
    }
  })
}

/**
 * Reads `/proc/<pid>/limits`, by the names in it (`Max open files`).
 * @throws {SyntaxError} when a line is not the kernel's
 */
export function parseLimits(text: string): Record<string, Rlimit> {
  const entries = lines(text)
    .slice(1)
    .map((line) => {
      const match = /^(.{25,}?)\s+(\d+|unlimited)\s+(\d+|unlimited)(?:\s+\S+)?\s*$/.exec(line)
      if (match === null) throw new SyntaxError(`'${line.slice(0, 200)}' is no line of limits.`)
      const [, name = '', soft = '', hard = ''] = match
      return [name.trim(), { soft: limitValue(soft), hard: limitValue(hard) }] as const
    })
  return Object.fromEntries(entries)
}

/** Reads `/proc/<pid>/net/dev`: the names of the interfaces of a network namespace. */
export function parseNetDev(text: string): string[] {
  return lines(text)
    .slice(2)
    .map((line) => line.slice(0, line.indexOf(':')).trim())
}

/** One hierarchy of `/proc/<pid>/cgroup`. On cgroup v2 there is one, without controllers. */
export interface CgroupEntry {
  readonly controllers: readonly string[]
  readonly path: string
}

/** Reads `/proc/<pid>/cgroup`. */
export function parseCgroup(text: string): CgroupEntry[] {
  return lines(text).map((line) => {
    const [, controllers = '', ...path] = line.split(':')
    return { controllers: controllers === '' ? [] : controllers.split(','), path: path.join(':') }
  })
}

/** Undoes the octal escapes (`\040` for a space) of mount tables. */
function unescapeMountField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function limitValue(text: string): number | null {
  return text === 'unlimited' ? null : Number(text)
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

function numbers(text: string): number[] {
  return text.split(/\s+/).filter(Boolean).map(integer)
}

function integer(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new SyntaxError(`'${text.slice(0, 50)}' is no integer.`)
  return value
}
