/** Who this process is among all processes that may share an engine, and which of the others still live. */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Owner, OwnerRegister } from '../policy/labels.js'

let cached: Owner | null = null

/** @returns this process as an owner; read once */
export function ownIdentity(): Owner {
  cached ??= Object.freeze({
    hostname: hostname(),
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? '0',
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    // `pid:[4026531836]`
    pidNamespace: readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''),
  })
  return cached
}

/** @returns this machine's answer to which processes live */
export function ownerRegister(): OwnerRegister {
  return { self: ownIdentity(), startTicksOf }
}

/** Field 22 of `/proc/<pid>/stat`; the name in field 2 may hold spaces and parentheses. */
function startTicksOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return (
      text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .at(19) ?? null
    )
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Gone. Anything else (a hidden /proc, for example) says nothing about that process.
    if (code === 'ENOENT' || code === 'ESRCH') return null
    throw error
  }
}
