/** What the kernel refused, as far as it names no file. */
import { NEWER_CALLS } from '../calls/index.js'
import type { RefusedEvent } from '../event.js'
import type { CallRecord, SignalRecord } from '../strace/record.js'

/** A refusal: the rest of its event is the process. */
export type Refusal = Pick<RefusedEvent, 'syscall' | 'architecture' | 'errno'>

const NATIVE = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

/** Names of audit(7) for what can run on the machines that are supported. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  AUDIT_ARCH_X86_64: 'x86_64',
  AUDIT_ARCH_I386: 'i386',
  AUDIT_ARCH_AARCH64: 'aarch64',
  AUDIT_ARCH_ARM: 'arm',
}

/** x32 calls have the architecture of 64-bit ones, and this bit in their number (`__X32_SYSCALL_BIT`). */
const X32_BIT = 0x4000_0000

const REFUSING_ERRORS = new Set(['EPERM', 'EACCES', 'ENOSYS'])

/** Whether strace printed a call by its number, because it does not know it. */
function isNumbered(name: string): boolean {
  return name.startsWith('syscall_0x')
}

/** A call that failed, as a refusal. */
export function refusalOf({ name, result }: CallRecord): Refusal {
  return { syscall: name, architecture: NATIVE, errno: result.errno }
}

/** A call outside the table that failed as refused calls do. */
export function refusedCall(record: CallRecord): Refusal | null {
  const { errno } = record.result
  return errno !== null && REFUSING_ERRORS.has(errno) ? refusalOf(record) : null
}

/** A call that is newer than strace, and that init's filter answers like an older kernel: no name was read. */
export function refusedNewerCall(record: CallRecord): Refusal | null {
  const isNewer = NEWER_CALLS.has(record.name) || isNumbered(record.name)
  return isNewer && record.result.errno === 'ENOSYS' ? refusedCall(record) : null
}

/** A SIGSYS of seccomp; `null` for one that a process sent. */
export function refusedBySignal({ signal, fields }: SignalRecord): Refusal | null {
  if (signal !== 'SIGSYS' || fields.get('si_code') !== 'SYS_SECCOMP') return null
  const printed = fields.get('si_syscall') ?? 'unknown'
  const syscall = printed.replace(/^__NR_/, '')
  const named = fields.get('si_arch') ?? 'unknown'
  const architecture = ARCHITECTURES[named] ?? named
  const isX32 = architecture === 'x86_64' && Number(printed) >= X32_BIT
  return { syscall, architecture: isX32 ? 'x32' : architecture, errno: null }
}

/** An end by SIGSYS that no signal announced: the kernel killed at once and tells no call. */
export const REFUSED_BY_DEATH: Refusal = { syscall: 'unknown', architecture: 'unknown', errno: null }
