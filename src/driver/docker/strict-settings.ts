/**
 * Settings of a container that no spec names because each has one safe value. The request asks for it in words; this reads
 * back from the engine's record which ones have another value.
 */

/** What is read of the record besides what the spec names. */
export interface StrictlySet {
  readonly Config: {
    readonly StdinOnce?: boolean
    readonly OpenStdin?: boolean
    readonly Tty?: boolean
    readonly WorkingDir?: string
    readonly Healthcheck?: { readonly Test?: readonly string[] | null } | null
  }
  readonly HostConfig: Readonly<Record<string, unknown>> & {
    readonly RestartPolicy?: { readonly Name?: string } | null
    readonly OomScoreAdj?: number | null
  }
}

/** Those of `HostConfig` that must be empty, zero, false or absent. */
const UNSET = [
  'AutoRemove', 'Cgroup', 'CgroupParent', 'CpuRealtimePeriod', 'CpuRealtimeRuntime', 'ExtraHosts', 'GroupAdd', 'Init', 'Links',
  'OomKillDisable', 'PortBindings', 'PublishAllPorts', 'Sysctls', 'VolumesFrom',
] as const // prettier-ignore

/** @returns by name, as JSON, every such setting that has another value than the safe one */
export function loosenedSettings({ Config, HostConfig }: StrictlySet): Readonly<Record<string, string>> {
  const loosened: Record<string, unknown> = {}
  for (const name of UNSET) if (!isUnset(HostConfig[name])) loosened[name] = HostConfig[name]
  // A container that starts again would do so unseen, with a supervisor that nobody listens to.
  const restart = HostConfig.RestartPolicy?.Name ?? ''
  if (restart !== '' && restart !== 'no') loosened['RestartPolicy'] = restart
  // Below zero the kernel's OOM killer takes processes of the host first.
  if ((HostConfig.OomScoreAdj ?? 0) < 0) loosened['OomScoreAdj'] = HostConfig.OomScoreAdj
  // A health check is a command that the engine starts inside, beside the init.
  const check = Config.Healthcheck?.Test?.[0] ?? 'NONE'
  if (check !== 'NONE') loosened['Healthcheck'] = check
  if (Config.Tty === true) loosened['Tty'] = true
  if ((Config.WorkingDir ?? '/') !== '/') loosened['WorkingDir'] = Config.WorkingDir
  // Without both, the death of this process does not end the sandbox.
  for (const name of ['OpenStdin', 'StdinOnce'] as const)
    if (Config[name] !== true) loosened[name] = Config[name] ?? false
  return Object.fromEntries(Object.entries(loosened).map(([name, value]) => [name, JSON.stringify(value)]))
}

function isUnset(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === undefined || value === null || value === '' || value === 0 || value === false
}
