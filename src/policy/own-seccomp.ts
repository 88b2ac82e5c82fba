/**
 * A seccomp profile of the caller's own instead of the package's: only ever a stricter one. There is no way to give a sandbox a
 * looser filter, since every rule that allows must be covered by a rule of ours.
 */
import { readFile, stat } from 'node:fs/promises'
import { HostFileError, InvalidOptionsError } from '../errors.js'
import {
  parseOwnSeccompProfile,
  type OwnSeccompProfile,
  type ResolvedSeccompOption,
} from '../options/seccomp-option.js'
import { printable } from '../printable.js'
import type { SeccompProfile } from './container-spec.js'
import { findLooserCall } from './seccomp-containment.js'
import { forArchitecture, targetSeccompProfile } from './seccomp.js'

/** Ours has 20 kB. */
const MAX_FILE_BYTES = 1024 * 1024

/**
 * The guest's profile for the engine's machine: the option's, or the package's own.
 * @param machine the engine's architecture, for example `x86_64` or `aarch64`
 * @throws {InvalidOptionsError} when the option's profile is not valid, allows anything that the package's own does not, or is
 * for another machine
 * @throws {HostFileError} when its file cannot be read
 */
export async function sandboxSeccompProfile(option: ResolvedSeccompOption, machine: string): Promise<SeccompProfile> {
  const target = targetSeccompProfile(machine)
  if (option === null) return target
  return restrictToTarget(typeof option === 'string' ? await readProfile(option) : option, target, machine)
}

function restrictToTarget(own: OwnSeccompProfile, target: SeccompProfile, machine: string): SeccompProfile {
  const looser = findLooserCall(own, target)
  if (looser !== null) {
    const how = looser.reason === 'call' ? 'which' : 'with weaker conditions on its arguments than'
    throw new InvalidOptionsError(
      `The seccomp profile allows '${looser.name}', ${how} the package's own profile does${looser.reason === 'call' ? ' not' : ''}. ` +
        'A profile can only be stricter: take the rules for it from images/seccomp/target.json, or leave it out.',
      { details: { call: looser.name } },
    )
  }
  assertOneAnswer(own)
  return forArchitecture({ ...own, architectures: own.architectures ?? target.architectures }, machine)
}

/** libseccomp does not say which of two rules for the same arguments counts. */
function assertOneAnswer({ syscalls }: OwnSeccompProfile): void {
  const allowed = new Set(syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names))
  for (const { names, action, args } of syscalls) {
    const both = action === 'SCMP_ACT_ALLOW' || args !== undefined ? undefined : names.find((name) => allowed.has(name))
    if (both === undefined) continue
    throw new InvalidOptionsError(`The seccomp profile allows and refuses '${both}': keep one of the rules.`, {
      details: { call: both },
    })
  }
}

async function readProfile(path: string): Promise<OwnSeccompProfile> {
  const text = await readText(path)
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw new InvalidOptionsError(`The seccomp profile ${printable(path)} is not JSON.`, { cause })
  }
  return parseOwnSeccompProfile(raw)
}

async function readText(path: string): Promise<string> {
  try {
    if ((await stat(path)).size <= MAX_FILE_BYTES) return await readFile(path, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
    throw new HostFileError(code, 'cannot read the seccomp profile', printable(path), { cause })
  }
  throw new InvalidOptionsError(`The seccomp profile ${printable(path)} has more than ${MAX_FILE_BYTES} bytes.`)
}
