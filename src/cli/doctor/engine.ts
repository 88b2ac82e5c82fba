/** What an engine's own description says about the sandboxes that it will run. Pure. */
import type { EngineInfo } from '../../driver/driver.js'
import { fail, ok, warn, type Finding } from './finding.js'
import { judgeKernel } from './kernel.js'

/** The API of Engine 20.10, the oldest that the package is tested with; Podman speaks it too (tried: 5.4). */
const OLDEST_API = [1, 41] as const

const DAEMON_FILE = '/etc/docker/daemon.json'

const MISSING_LIMITS: Readonly<Record<string, readonly [meaning: string, action: string]>> = {
  memory: ['memory would not be limited: sandboxes are refused', 'start the kernel with cgroup_enable=memory'],
  swap: [
    'swap cannot be switched off for a sandbox: sandboxes are refused',
    'start the kernel with swapaccount=1, or use cgroup v2',
  ],
  cpu: ['CPU time would not be shared out: sandboxes are refused', 'use a kernel with CONFIG_CFS_BANDWIDTH'],
  pids: ['a fork bomb would reach the host: sandboxes are refused', 'use a kernel with CONFIG_CGROUP_PIDS'],
}

/** What the engine says of itself, judged: API version, cgroups, runtimes, security options, limits. Pure. */
export function judgeEngine(info: EngineInfo): Finding[] {
  return [
    judgeVersion(info),
    ...judgePodman(info),
    judgeKernel(info.kernelVersion),
    judgeReach(info),
    ...judgeLimits(info),
    judgeSeccomp(info),
    judgeAccessControl(info),
    judgeRuntimes(info),
    judgeUserNamespaces(info),
    ...judgeLiveRestore(info),
  ]
}

function judgeVersion({ product, name, version, apiVersion }: EngineInfo): Finding {
  const found = `${product === 'podman' ? 'Podman, ' : ''}version ${version}, API ${apiVersion}, on ${name}`
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_API
  const old = major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
  if (!old) return ok('engine', found, 'answers')
  return fail(
    'engine',
    found,
    'older than 20.10: never tried',
    'install Docker Engine 20.10 or newer, or Podman 4 or newer',
  )
}

/** What Podman's compatible socket does otherwise: docs/engines.md. */
function judgePodman({ product, local }: EngineInfo): Finding[] {
  if (product !== 'podman') return []
  const action = 'use Docker Engine where that matters; see docs/engines.md'
  if (!local) {
    const meaning = 'Podman takes seccomp profiles only as files of its own machine: sandboxes are refused'
    return [
      fail('podman', 'on another machine', meaning, 'run this on the machine of Podman, or use Docker Engine there'),
    ]
  }
  const meaning =
    'files in scratch folders are limited by memory alone, and the runtime is the one that Podman is set to'
  return [warn('podman', 'compatible socket', meaning, action)]
}

function judgeReach({ local, operatingSystem, architecture }: EngineInfo): Finding {
  const found = `${operatingSystem}, ${architecture}`
  if (local)
    return ok('engine host', `${found}, this machine`, 'what is in force is read back from outside the sandbox')
  const meaning =
    'what is in force is read back from inside the sandbox, before guest code runs; mounts name paths of that machine'
  return warn(
    'engine host',
    `${found}, another machine`,
    meaning,
    'run the engine on the machine that uses it, if you can',
  )
}

function judgeLimits({ cgroupVersion, facilities, cpuCount, memoryBytes }: EngineInfo): Finding[] {
  const found = `v${cgroupVersion}; ${cpuCount} CPUs, ${(memoryBytes / 1024 ** 3).toFixed(1)} GiB of memory`
  const missing = facilities?.missingLimits ?? []
  if (missing.length === 0) return [ok('cgroup', found, 'memory, swap, CPU and processes can be limited')]
  return missing.map((limit) => {
    const [meaning, action] = MISSING_LIMITS[limit] ?? [
      `${limit} cannot be limited`,
      'look at the warnings of docker info',
    ]
    return fail(`cgroup ${limit}`, found, meaning, action)
  })
}

function judgeSeccomp({ securityOptions }: EngineInfo): Finding {
  if (hasOption(securityOptions, 'seccomp')) return ok('seccomp', 'available', "the package's own allow-list is used")
  const action = 'use a kernel with CONFIG_SECCOMP_FILTER and an engine that was built with seccomp'
  return fail('seccomp', 'missing', 'system calls would not be filtered: sandboxes are refused', action)
}

function judgeAccessControl({ securityOptions }: EngineInfo): Finding {
  const found = ['apparmor', 'selinux'].filter((name) => hasOption(securityOptions, name))
  if (found.length > 0) return ok('access control', found.join(', '), "the engine's own profile stays on")
  const meaning = 'one layer less: what the file system and the capabilities allow is not checked again'
  return warn(
    'access control',
    'neither AppArmor nor SELinux',
    meaning,
    'enable AppArmor or SELinux in the kernel of the engine',
  )
}

function judgeRuntimes({ product, runtimes, defaultRuntime }: EngineInfo): Finding {
  if (product === 'podman') {
    const meaning = "guests use the host's kernel: a bug in it is a way out, and Podman's socket takes no other runtime"
    return warn('runtimes', `default ${defaultRuntime}`, meaning, "use Docker Engine with gVisor and runtime: 'runsc'")
  }
  const found = `${runtimes.join(', ')}; default ${defaultRuntime}`
  const stronger = runtimes.filter((name) => /runsc|gvisor|kata/i.test(name))
  if (stronger.length > 0) return ok('runtimes', found, `runtime: '${stronger[0]}' keeps guests off the host's kernel`)
  const action = `register gVisor in ${DAEMON_FILE} (https://gvisor.dev/docs/user_guide/install/) and use runtime: 'runsc'`
  return warn('runtimes', found, "guests use the host's kernel: a bug in it is a way out", action)
}

function judgeUserNamespaces({ securityOptions }: EngineInfo): Finding {
  if (hasOption(securityOptions, 'rootless')) {
    const meaning = 'the engine itself has no privilege; limits work only where systemd has delegated their controllers'
    return warn(
      'user namespaces',
      'rootless engine',
      meaning,
      'delegate cpu, memory and pids: https://rootlesscontaine.rs/getting-started/common/cgroup2/',
    )
  }
  if (hasOption(securityOptions, 'userns')) {
    const meaning =
      'no sandbox starts: its uids differ on the host, which its isolation audit does not take for what was asked'
    return fail('user namespaces', 'userns-remap is on', meaning, 'use an engine without userns-remap')
  }
  return ok(
    'user namespaces',
    'not remapped',
    'a sandbox runs under a uid of the host that nobody else has, without capabilities',
  )
}

function judgeLiveRestore({ product, facilities }: EngineInfo): Finding[] {
  const liveRestore = facilities?.liveRestore ?? null
  // Podman's containers belong to no daemon.
  if (liveRestore === null || product === 'podman') return []
  if (liveRestore) return [ok('live restore', 'on', 'containers outlive a restart of the engine')]
  return [
    warn(
      'live restore',
      'off',
      'a restart of the engine ends every sandbox',
      `set "live-restore": true in ${DAEMON_FILE}`,
    ),
  ]
}

/** Options are `name=seccomp,profile=default` with Docker. */
function hasOption(options: readonly string[], name: string): boolean {
  return options.some((option) => option.split(',').some((part) => part === name || part === `name=${name}`))
}
