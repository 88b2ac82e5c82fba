import type { ContainerSpec } from '../../../src/policy/container-spec.js'
import type { MountEntry, Observation, ThreadStatus } from '../../../src/policy/observation.js'
import { buildContainerSpec, type PolicyContext, type PolicyOptions } from '../../../src/policy/build-container-spec.js'
import { buildTmpfsOptions, buildUlimits } from '../../../src/policy/posture.js'
import { targetSeccompProfile } from '../../../src/policy/seccomp.js'

const MIB = 1024 * 1024

export const OPTIONS: PolicyOptions = {
  limits: {
    memoryBytes: 512 * MIB,
    cpuCount: 1.5,
    pids: 64,
    openFiles: 1024,
    scratchBytes: 16 * MIB,
    shmBytes: 8 * MIB,
    lifetimeMs: 60_000,
  },
  mounts: [
    { source: '/srv/cache', target: '/cache', writable: true },
    { source: '/srv/data', target: '/data', writable: false },
  ],
  writable: ['/tmp', '/work'],
  network: 'none',
  runtime: 'runc',
}

export const CONTEXT: PolicyContext = {
  image: 'sha256:1',
  uid: 200_001,
  gid: 200_002,
  labels: { 'container-sandbox.managed': '1' },
  imageEnv: { PATH: '/bin' },
  seccomp: targetSeccompProfile('x86_64'),
}

/** What Docker 20.10 with runc reports when everything is in force. */
export function buildMatchingObservation(spec: ContainerSpec): Observation {
  const mount = (target: string, type: string, options: string, superOptions: string): MountEntry => ({
    target,
    type,
    source: type,
    options: options.split(','),
    superOptions: superOptions.split(','),
  })
  const thread = (pid: number, tid: number): ThreadStatus => ({
    pid,
    tid,
    name: 'node',
    uids: Array<number>(4).fill(spec.uid),
    gids: Array<number>(4).fill(spec.gid),
    groups: [spec.gid],
    tracerPid: 0,
    seccompMode: 2,
    noNewPrivs: true,
    capabilities: {
      inheritable: '0000000000000000',
      permitted: '0000000000000000',
      effective: '0000000000000000',
      bounding: '0000000000000000',
      ambient: '0000000000000000',
    },
  })
  return {
    engine: {
      image: spec.image,
      argv: spec.argv,
      user: `${spec.uid}:${spec.gid}`,
      readOnlyRoot: true,
      privileged: false,
      capAdd: [],
      capDrop: ['ALL'],
      securityOptions: ['no-new-privileges', `seccomp=${JSON.stringify(spec.seccomp)}`],
      network: 'none',
      networks: ['none'],
      ipc: 'private',
      pid: '',
      uts: '',
      userns: '',
      cgroupns: 'private',
      memoryBytes: spec.limits.memoryBytes,
      memoryAndSwapBytes: spec.limits.memoryBytes,
      cpuCount: spec.limits.cpuCount,
      pids: spec.limits.pids,
      ulimits: buildUlimits(spec).map(({ name, soft, hard }) => ({ name, soft, hard })),
      tmpfs: Object.fromEntries(spec.scratch.map((scratch) => [scratch.target, buildTmpfsOptions(spec, scratch)])),
      mounts: spec.mounts.map(({ source, target, writable }) => ({ type: 'bind', source, target, writable })),
      devices: [],
      runtime: spec.runtime,
      logDriver: 'none',
      env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
      labels: { ...spec.labels },
      maskedPaths: spec.maskedPaths,
      readonlyPaths: spec.readonlyPaths,
      loosened: {},
    },
    kernel: {
      source: 'host',
      threads: [thread(100, 100), thread(107, 109)],
      mounts: [
        mount('/', 'overlay', 'ro,relatime', 'rw,lowerdir=x'),
        mount('/proc', 'proc', 'rw,nosuid,nodev,noexec,relatime', 'rw'),
        mount('/dev', 'tmpfs', 'rw,nosuid', 'rw,size=65536k,mode=755'),
        mount('/dev/pts', 'devpts', 'rw,nosuid,noexec,relatime', 'rw,gid=5,mode=620,ptmxmode=666'),
        mount('/sys', 'sysfs', 'ro,nosuid,nodev,noexec,relatime', 'ro'),
        mount('/sys/fs/cgroup', 'tmpfs', 'ro,nosuid,nodev,noexec,relatime', 'rw,mode=755'),
        mount('/sys/fs/cgroup/memory', 'cgroup', 'ro,nosuid,nodev,noexec,relatime', 'rw,memory'),
        mount('/dev/mqueue', 'mqueue', 'rw,nosuid,nodev,noexec,relatime', 'rw'),
        mount('/dev/shm', 'tmpfs', 'rw,nosuid,nodev,noexec,relatime', `rw,size=${spec.limits.shmBytes / 1024}k`),
        mount('/etc/hosts', 'ext4', 'ro,relatime', 'rw'),
        ...spec.scratch.map(({ target, sizeBytes, inodes, executable }) =>
          mount(
            target,
            'tmpfs',
            `rw,nosuid,nodev,${executable ? '' : 'noexec,'}relatime`,
            `rw,size=${sizeBytes / 1024}k,nr_inodes=${inodes},mode=755`,
          ),
        ),
        ...spec.mounts.map(({ target, writable }) => mount(target, 'ext4', `${writable ? 'rw' : 'ro'},relatime`, 'rw')),
        mount('/proc/sys', 'proc', 'ro,nosuid,nodev,noexec,relatime', 'rw'),
        mount('/proc/cmdline', 'tmpfs', 'rw,nosuid', 'rw,size=65536k,mode=755'),
        mount('/proc/interrupts', 'tmpfs', 'rw,nosuid', 'rw,size=65536k,mode=755'),
        mount('/sys/firmware', 'tmpfs', 'ro,relatime', 'ro'),
      ],
      rlimits: Object.fromEntries(buildUlimits(spec).map(({ kernelName, soft, hard }) => [kernelName, { soft, hard }])),
      interfaces: ['lo'],
      privateNamespaces: { net: true, pid: true, ipc: true, uts: true, mnt: true },
      cgroup: {
        memoryBytes: spec.limits.memoryBytes,
        memoryAndSwapBytes: spec.limits.memoryBytes,
        pids: spec.limits.pids,
        cpuCount: spec.limits.cpuCount,
      },
    },
  }
}

export const SPEC = buildContainerSpec(OPTIONS, CONTEXT)
