/** The engine's record of a container against the spec, field by field. */
import { isDeepStrictEqual } from 'node:util'
import type { Findings } from './audit-findings.js'
import type { AuditProfile } from './audit-profile.js'
import type { ContainerSpec } from './container-spec.js'
import type { EngineObservation } from './observation.js'
import { buildTmpfs, buildUlimits } from './posture.js'

/** Steps of a CPU share: 1 µs in a period of 100 ms (sched-bwc). */
export const CPU_TOLERANCE = 1e-5

/**
 * Adds every difference between the engine's record and the spec. Accepted: labels and ulimits besides ours (from the
 * image and the daemon's defaults), which loosen nothing, and what the profile names.
 */
export function compareEngine(
  findings: Findings,
  spec: ContainerSpec,
  found: EngineObservation,
  profile: AuditProfile,
): void {
  findings.same('image', spec.image, found.image)
  findings.same('argv', JSON.stringify(spec.argv), JSON.stringify(found.argv))
  findings.same('user', `${spec.uid}:${spec.gid}`, found.user)
  findings.same('readOnlyRoot', true, found.readOnlyRoot)
  findings.same('privileged', false, found.privileged)
  findings.sameSet('capAdd', spec.capabilities, found.capAdd.map(fullCapabilityName))
  if (!profile.unreported.includes('capDrop')) findings.sameSet('capDrop', ['ALL'], found.capDrop)
  compareSecurityOptions(findings, spec, found.securityOptions)
  findings.same('network', spec.network, found.network)
  findings.sameSet('networks', [spec.network], found.networks)
  findings.oneOf('ipc', profile.ipc, found.ipc)
  findings.oneOf('pid', spec.pidNamespaceOf === null ? profile.pid : [`container:${spec.pidNamespaceOf}`], found.pid)
  findings.oneOf('uts', profile.uts, found.uts)
  findings.oneOf('userns', profile.userns, found.userns)
  findings.oneOf('cgroupns', profile.cgroupns, found.cgroupns)
  findings.same('limits.memoryBytes', spec.limits.memoryBytes, found.memoryBytes)
  findings.same('limits.memoryAndSwapBytes', spec.limits.memoryBytes, found.memoryAndSwapBytes)
  if (!(Math.abs(found.cpuCount - spec.limits.cpuCount) <= CPU_TOLERANCE))
    findings.add('limits.cpuCount', spec.limits.cpuCount, found.cpuCount)
  findings.same('limits.pids', spec.limits.pids, found.pids)
  if (!profile.unreported.includes('ulimits')) compareUlimits(findings, spec, found.ulimits)
  compareTmpfs(findings, spec, found.tmpfs, profile)
  compareMounts(findings, spec, found.mounts)
  findings.sameSet('devices', [], found.devices)
  findings.oneOf('runtime', equalRuntimes(spec.runtime, profile), found.runtime)
  findings.same('logDriver', 'none', found.logDriver)
  compareEnv(findings, spec, found.env, profile)
  for (const [name, value] of Object.entries(spec.labels)) findings.same(`labels.${name}`, value, found.labels[name])
  if (!profile.unreported.includes('paths')) {
    comparePaths(findings, 'maskedPaths', spec.maskedPaths, found.maskedPaths)
    comparePaths(findings, 'readonlyPaths', spec.readonlyPaths, found.readonlyPaths)
  }
  for (const [name, value] of Object.entries(found.loosened)) {
    if (!profile.unreportedSettings.includes(name)) findings.add(`settings.${name}`, 'its safe value', value)
  }
}

/** Engines keep a capability with or without its prefix. */
function fullCapabilityName(name: string): string {
  return /^CAP_/i.test(name) ? name.toUpperCase() : `CAP_${name.toUpperCase()}`
}

/** The runtimes that may stand for the one that was asked for, where the engine takes its own whatever is asked. */
function equalRuntimes(runtime: string, { equalRuntimes: equal }: AuditProfile): readonly string[] {
  return equal.includes(runtime) ? equal : [runtime]
}

/** Exactly no-new-privileges and our profile: any further one (`apparmor=`, `label=`, `systempaths=`) switches something off. */
function compareSecurityOptions(findings: Findings, spec: ContainerSpec, found: readonly string[]): void {
  const isNoNewPrivileges = (option: string) => /^no-new-privileges(?:[:=]true)?$/.test(option)
  const isSeccomp = (option: string) => /^seccomp[:=]/.test(option)
  if (!found.some(isNoNewPrivileges)) findings.add('securityOptions.no-new-privileges', true, false)
  const profiles = found.filter(isSeccomp).map((option) => option.slice('seccomp='.length))
  if (profiles.length !== 1 || !isProfile(profiles[0] ?? '', spec))
    findings.add('securityOptions.seccomp', 'the profile of the spec', profiles)
  const others = found.filter((option) => !isNoNewPrivileges(option) && !isSeccomp(option))
  if (others.length > 0) findings.add('securityOptions', [], others)
}

function isProfile(text: string, spec: ContainerSpec): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(spec.seccomp)))
  } catch {
    return false
  }
}

function compareUlimits(findings: Findings, spec: ContainerSpec, found: EngineObservation['ulimits']): void {
  for (const wanted of buildUlimits(spec)) {
    const matching = found.filter((limit) => limit.name === wanted.name)
    const limit = matching.length === 1 ? matching[0] : undefined
    if (limit?.soft !== wanted.soft || limit.hard !== wanted.hard)
      findings.add(`ulimits.${wanted.name}`, [wanted.soft, wanted.hard], matching)
  }
}

function compareTmpfs(
  findings: Findings,
  spec: ContainerSpec,
  found: EngineObservation['tmpfs'],
  { engine, silentTmpfsOptions }: AuditProfile,
): void {
  const asked = buildTmpfs(spec, engine)
  const telling = (options: string) => options.split(',').filter((option) => !silentTmpfsOptions.includes(option))
  findings.sameSet('tmpfs', Object.keys(asked), Object.keys(found))
  for (const [target, wanted] of Object.entries(asked)) {
    const options = found[target]
    if (options !== undefined) findings.sameSet(`tmpfs.${target}`, telling(wanted), telling(options))
  }
}

function compareMounts(findings: Findings, spec: ContainerSpec, found: EngineObservation['mounts']): void {
  const scratch = new Set(spec.scratch.map((mount) => mount.target))
  const describe = (type: string, source: string, target: string, writable: boolean) =>
    `${type} ${source} at ${target} ${writable ? 'rw' : 'ro'}`
  findings.sameSet(
    'mounts',
    spec.mounts.map((mount) => describe('bind', mount.source, mount.target, mount.writable)),
    // Some engines list a tmpfs here too; its options are compared above.
    found
      .filter((mount) => !(mount.type === 'tmpfs' && scratch.has(mount.target)))
      .map((mount) => describe(mount.type, mount.source, mount.target, mount.writable)),
  )
}

function compareEnv(findings: Findings, spec: ContainerSpec, found: readonly string[], profile: AuditProfile): void {
  const wanted = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`)
  const own = (entry: string) => !wanted.includes(entry) && profile.engineEnv.includes(entry.split('=', 1)[0] ?? '')
  findings.sameSet(
    'env',
    wanted,
    found.filter((entry) => !own(entry)),
  )
}

/** `null` asks for the engine's own list, which is never empty: an empty list means that nothing is masked. */
function comparePaths(
  findings: Findings,
  field: string,
  wanted: readonly string[] | null,
  found: readonly string[] | null,
): void {
  if (wanted !== null) findings.sameSet(field, wanted, found)
  else if (found?.length === 0) findings.add(field, "the engine's own list", found)
}
