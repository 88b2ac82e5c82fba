import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { ImageBuilder } from '../../../src/image/image-builder.js'
import { tracerSeccompProfile } from '../../../src/policy/seccomp.js'
import { buildTracer } from '../../helpers/init-build.js'
import { PlainImageStore } from '../../helpers/plain-image-store.js'

const STRICT = ['--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none', '--user', '0:0']

describe('the image of the tracer', () => {
  const store = new PlainImageStore()

  it('starts strace, and holds nothing else that starts', async () => {
    await buildTracer()
    const { reference } = await new ImageBuilder({ store }).ensureTracer()
    const run = (...argv: string[]) =>
      spawnSync('docker', ['run', ...STRICT, '--entrypoint', argv[0] ?? '', reference, ...argv.slice(1)], {
        encoding: 'utf8',
      })
    const version = execFileSync('strace', ['--version'], { encoding: 'utf8' })
    expect(run('/bin/strace', '--version').stdout).toBe(version)
    expect(run('/bin/tracer').stderr).toContain('usage: tracer')
    for (const program of ['/bin/sh', '/bin/ls', '/usr/bin/env']) expect(run(program).status, program).toBe(127)
  })

  it('is made once for all who ask, and found again', async () => {
    await buildTracer()
    const builder = new ImageBuilder({ store })
    const images = await Promise.all(Array.from({ length: 4 }, () => builder.ensureTracer()))
    expect(new Set(images.map(({ reference }) => reference)).size).toBe(1)
    store.requests.length = 0
    expect(await new ImageBuilder({ store }).ensureTracer()).toMatchObject({ built: false, env: { PATH: '/bin' } })
    expect(store.requests).toEqual(['inspect'])
    const facts = await store.inspect(images[0]?.reference ?? '')
    expect(facts?.labels).toMatchObject({
      'container-sandbox.managed': '1',
      'container-sandbox.role': 'image',
      'container-sandbox.image-kind': 'tracer',
    })
  })

  it('rejects a caller that aborted', async () => {
    const aborted = AbortSignal.abort(new Error('left'))
    await expect(new ImageBuilder({ store }).ensureTracer(aborted)).rejects.toThrow('left')
  })
})

describe('tracer.json', () => {
  const allowed = tracerSeccompProfile(process.arch).syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW')

  it.each(
    `open_by_handle_at name_to_handle_at mount umount2 bpf setns unshare pivot_root chroot init_module kexec_load process_vm_writev
     pidfd_getfd socket connect perf_event_open keyctl userfaultfd io_uring_setup clone3 unlink mkdir chmod chown setuid capset`.split(
      /\s+/,
    ),
  )('does not allow %s', (name) => {
    expect(allowed.flatMap(({ names }) => names)).not.toContain(name)
  })
})
