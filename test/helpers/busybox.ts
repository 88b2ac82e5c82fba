/** A small image for tests of the driver, made from the host's static busybox: no registry is needed. */
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import type { ContainerSpec } from '../../src/policy/container-spec.js'
import { buildLabels } from '../../src/policy/labels.js'
import type { ImageFacts, ImageStore } from '../../src/driver/driver.js'
import { ownIdentity } from '../../src/driver/host-identity.js'

/** Debian's package `busybox-static` installs it. */
const BUSYBOX_PATH = '/bin/busybox'

export const BUSYBOX_IMAGE = 'container-sandbox-test/busybox:1'

const DOCKERFILE = `FROM scratch
COPY busybox /bin/busybox
COPY empty /work
RUN ["/bin/busybox", "--install", "/bin"]
ENTRYPOINT ["/bin/busybox"]
`

/** Builds the image unless the engine has it. */
export async function ensureBusyboxImage(images: ImageStore): Promise<ImageFacts> {
  const known = await images.inspect(BUSYBOX_IMAGE)
  if (known !== null) return known
  return images.build({ context: await busyboxContext(DOCKERFILE), tag: BUSYBOX_IMAGE, labels: {} })
}

/** A build context with a Dockerfile, `busybox` and an empty folder `empty`. */
export async function busyboxContext(dockerfile: string): Promise<Readable> {
  const archive = pack()
  archive.entry({ name: 'Dockerfile' }, dockerfile)
  archive.entry({ name: 'busybox', mode: 0o755 }, await readFile(BUSYBOX_PATH))
  archive.entry({ name: 'empty/', type: 'directory' })
  archive.finalize()
  return Readable.from(archive)
}

let counter = 0

/** A spec that is as strict as a sandbox' own, for a shell command. `overrides` replaces whole fields. */
export function busyboxSpec(script: string, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  counter += 1
  return {
    image: BUSYBOX_IMAGE,
    argv: ['/bin/busybox', 'sh', '-c', script],
    env: { PATH: '/bin' },
    hostname: 'sandbox',
    uid: 20_001,
    gid: 20_001,
    capabilities: [],
    pidNamespaceOf: null,
    traced: false,
    limits: { memoryBytes: 64 << 20, cpuCount: 1, pids: 32, openFiles: 256, shmBytes: 1 << 20 },
    scratch: [{ target: '/tmp', sizeBytes: 1 << 20, inodes: 256, mode: 0o700, executable: false }],
    mounts: [],
    network: 'none',
    runtime: 'runc',
    seccomp: { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'], syscalls: [] },
    maskedPaths: null,
    readonlyPaths: null,
    labels: testLabels(`test-${process.pid}-${Date.now()}-${counter}`),
    ...overrides,
  }
}

/** Labels of a sandbox that this process owns. */
export function testLabels(sandboxId: string): Record<string, string> {
  const deadline = new Date(Date.now() + 600_000)
  return buildLabels({ role: 'sandbox', owner: ownIdentity(), version: '0.0.0', sandboxId, deadline, user: 'tester' })
}
