import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DockerDriver, ImageError } from '../../../src/index.js'
import { newestToolchain } from '../../../src/image/toolchain.js'
import type { TOOLCHAIN_PHASES } from '../../../src/options/index.js'
import { LABELS } from '../../../src/policy/labels.js'
import { buildToolchain } from '../../../src/sandbox/build-toolchain.js'
import { rejection, withSandbox } from '../../helpers/sandboxes.js'

const driver = new DockerDriver()
afterAll(() => driver.close())

/** Runs a shell in a plain container, as root. */
function inContainer(image: string, script: string): string {
  const { status, stdout, stderr } = spawnSync(
    'docker',
    ['run', '--rm', '--network', 'none', image, 'sh', '-ec', script],
    { encoding: 'utf8' },
  )
  expect(status, stderr).toBe(0)
  return stdout
}

describe('the toolchain', () => {
  it('is found again without work, and is what the base stands for', async () => {
    const phases: string[] = []
    const toolchain = await buildToolchain({ driver, onProgress: ({ phase }) => phases.push(phase) })
    expect(toolchain).toMatchObject({ built: false, suite: 'bookworm' })
    expect(phases).toEqual([])
    expect(await driver.images.inspect(await newestToolchain(driver.images))).not.toBeNull()
    const facts = await driver.images.inspect(toolchain.tag)
    expect(facts?.labels).toMatchObject({
      [LABELS.managed]: '1',
      'container-sandbox.image-kind': 'toolchain',
      'container-sandbox.suite': 'bookworm',
    })
    expect(facts?.sizeBytes).toBeLessThan(520 * 1024 ** 2)
  })

  it('has the programs, no program with the rights of somebody else, and nothing of this machine', async () => {
    const { tag } = await buildToolchain({ driver })
    const programs = 'gcc make git python3 node npm perl cmp diff patch file xz bzip2 pkgconf'.split(' ')
    const versions = inContainer(tag, programs.map((name) => `${name} --version`).join('\n'))
    expect(versions).toMatch(/gcc \(Debian 12[^]*GNU Make 4[^]*git version 2[^]*Python 3\.11[^]*v18\.[^]*9\.2\.0/)
    // What lies in the image, without what an engine mounts into its containers.
    const { stdout: id } = spawnSync('docker', ['create', tag, 'true'], { encoding: 'utf8' })
    try {
      const list = spawnSync('sh', ['-c', 'docker export "$1" | tar -tvf -', 'sh', id.trim()], {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 ** 2,
      }).stdout.split('\n')
      expect(list.length).toBeGreaterThan(5_000)
      expect(list.filter((line) => /^(?:[bcps]|.{3}[sS]|.{6}[sS])/.test(line) && !/ dev\//.test(line))).toEqual([])
      const names = list.map((line) => line.split(/\s+/)[5] ?? '')
      const unwanted =
        /^(?:etc\/machine-id|var\/lib\/dbus|etc\/apt\/apt\.conf\.d\/.*mmdebstrap|usr\/share\/(?:man|info|locale)\/.|var\/(?:log|cache\/apt|lib\/apt\/lists)\/.*[^/]|usr\/sbin\/policy-rc\.d|\.begun)$/
      expect(names.filter((name) => unwanted.test(name))).toEqual([])
      // What the installation wrote has a fixed time.
      for (const name of ['etc/ld.so.cache', 'etc/passwd', 'var/lib/dpkg/status', 'var/lib/dpkg/']) {
        expect(list.filter((line) => line.endsWith(` ${name}`))).toEqual([expect.stringContaining(' 1970-01-01 ')])
      }
    } finally {
      spawnSync('docker', ['rm', id.trim()])
    }
    const debian = inContainer(tag, 'dpkg --audit; cat /etc/passwd; cat /usr/share/doc/zlib1g/copyright')
    expect(debian).toMatch(/^root:x?\*?:0:0:root:\/root:\/bin\/bash\ndaemon:[^]*nobody:/)
    expect(debian).toContain('Jean-loup Gailly')
  })

  it('runs what shells pipe into grep in a sandbox: it wants to splice', async () => {
    await withSandbox({ base: 'toolchain' }, async (sandbox) => {
      const result = await sandbox.shell("printf 'a\\nb\\n' | grep a >/dev/null")
      expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    })
  })
})

describe('a toolchain that is not made', () => {
  let folder: string
  let before: string | undefined
  beforeEach(() => {
    before = process.env['TMPDIR']
    folder = mkdtempSync(join(tmpdir(), 'toolchain-'))
    process.env['TMPDIR'] = folder
  })
  afterEach(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    rmSync(folder, { recursive: true, force: true })
  })

  /** Nothing on disk, no mount, no process. */
  function expectNothingLeft(): void {
    expect(readdirSync(folder)).toEqual([])
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder)
    expect(spawnSync('pgrep', ['-f', folder]).status).toBe(1)
  }

  /** Runs `work` with a mirror on this machine. */
  async function withMirror(answer: RequestListener, work: (port: number) => Promise<void>): Promise<void> {
    const mirror = createServer(answer)
    await once(mirror.listen(0, '127.0.0.1'), 'listening')
    try {
      await work((mirror.address() as AddressInfo).port)
    } finally {
      mirror.close()
      mirror.closeAllConnections()
    }
  }

  // A list of packages of its own: never the one that is there.
  const other = { driver, packages: ['sl'] }

  it('leaves nothing when it is ended in the middle', async () => {
    const controller = new AbortController()
    const phases: string[] = []
    const onProgress = ({ phase }: { phase: (typeof TOOLCHAIN_PHASES)[number] }): void => {
      phases.push(phase)
      if (phase === 'essential') controller.abort(new Error('not wanted any more'))
    }
    let aborted = 0
    controller.signal.addEventListener('abort', () => (aborted = performance.now()))
    const error = await rejection(buildToolchain({ ...other, signal: controller.signal, onProgress }))
    expect(performance.now() - aborted).toBeLessThan(15_000)
    expect(error).toMatchObject({ message: 'not wanted any more' })
    expect(phases).not.toContain('pack')
    expectNothingLeft()
  })

  it('leaves nothing when what hears of it throws, and rejects with that', async () => {
    const failure = new Error('a listener of ours')
    const onProgress = (): void => {
      throw failure
    }
    expect(await rejection(buildToolchain({ ...other, onProgress }))).toBe(failure)
    expectNothingLeft()
  })

  it('leaves nothing when its time is over, and says where it was', async () => {
    const silence = (): void => undefined
    await withMirror(silence, async (port) => {
      const mirror = `http://127.0.0.1:${port}/debian`
      const error = await rejection(buildToolchain({ ...other, mirror, timeoutMs: 5_000 }))
      expect(error).toBeInstanceOf(ImageError)
      expect(error).toMatchObject({
        retryable: true,
        message: expect.stringMatching(/within 5000 ms; the last word was: [IE]: /) as string,
      })
    })
    expectNothingLeft()
  })

  it('says why when the mirror has no such release', async () => {
    const refuse: RequestListener = (_request, response) => response.writeHead(404).end()
    await withMirror(refuse, async (port) => {
      const error = await rejection(buildToolchain({ ...other, mirror: `http://127.0.0.1:${port}/debian` }))
      expect(error).toBeInstanceOf(ImageError)
      const words = new RegExp(
        `mmdebstrap made no toolchain .*127\\.0\\.0\\.1:${port}/debian bookworm Release.*Check the suite`,
      )
      expect((error as ImageError).message).toMatch(words)
    })
    expectNothingLeft()
  })
})
