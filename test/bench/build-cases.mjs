/** A real build in a sandbox against the same in a plain `docker run`: same base, CPUs, memory and kind of workspace. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { promisify } from 'node:util'
import { ContainerSandbox } from 'container-sandbox'
import { elapsed, median, timePaired } from './measure.mjs'

const SOURCES = new URL('../../.cache/builds/sources/', import.meta.url)
const MiB = 1024 * 1024
const CPUS = Math.min(2, cpus().length)
const MEMORY_BYTES = 1024 * MiB
const SCRATCH_BYTES = 256 * MiB
const DEADLINE_MS = 300_000
// Debian's tarball of zlib is a .tar.bz2.
const UNPACK = 'mkdir zlib && tar -xjf - -C zlib --strip-components=1'
const BUILD = 'cd zlib && ./configure && make -j2 && make test'
const PASSED = '*** zlib shared test OK ***'

/** zlib from its source: configure, make, make test, the start and the end of the container included. */
export async function zlib({ runs }) {
  const name = readdirSync(SOURCES).find((file) => /^zlib_.*\.orig\.tar\.bz2$/.test(file))
  if (name === undefined) throw new Error('the source of zlib is missing: run scripts/setup --test')
  const source = readFileSync(new URL(name, SOURCES))
  const cli = new URL('../../dist/cli/main.js', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'image', 'toolchain', '--json'])
  const { tag } = JSON.parse(stdout)
  const times = await timePaired(
    runs,
    () => elapsed(() => inSandbox(source)),
    () => elapsed(() => inContainer(tag, source)),
  )
  return { ours: median(times.ours), floor: median(times.floor), unit: 'ms' }
}

async function inSandbox(source) {
  const sandbox = await ContainerSandbox.create({
    base: 'toolchain',
    writable: ['/workspace'],
    limits: { memoryBytes: MEMORY_BYTES, cpuCount: CPUS, pids: 512, scratchBytes: SCRATCH_BYTES },
  })
  try {
    const command = { cwd: '/workspace', timeoutMs: DEADLINE_MS, check: true }
    await sandbox.shell(UNPACK, { ...command, input: source })
    const { stdout } = await sandbox.shell(BUILD, command)
    assertPassed(stdout)
  } finally {
    await sandbox.kill()
  }
}

async function inContainer(image, source) {
  const limits = `--cpus ${CPUS} --memory ${MEMORY_BYTES} --network none --user 65534:65534`
  // Compilers write to /tmp: it is memory in a sandbox, so it is memory here. No --workdir: Docker would make the folder in
  // the image, and the tmpfs over it would be its owner's.
  const tmpfs = ['/workspace', '/tmp'].map((path) => `--tmpfs ${path}:exec,size=${SCRATCH_BYTES},mode=1777`).join(' ')
  const flags = `run --rm --interactive ${limits} ${tmpfs}`.split(' ')
  const argv = [...flags, image, 'sh', '-ec', `cd /workspace\n${UNPACK}\n${BUILD}`]
  const running = promisify(execFile)('docker', argv, { timeout: DEADLINE_MS, maxBuffer: 16 * MiB })
  running.child.stdin.end(source)
  const { stdout } = await running
  assertPassed(stdout)
}

function assertPassed(stdout) {
  if (!stdout.includes(PASSED)) throw new Error(`the tests of zlib did not pass: ${stdout.slice(-500)}`)
}
