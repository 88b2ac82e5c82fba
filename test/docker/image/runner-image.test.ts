import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { ImageBuilder, type PreparedImage } from '../../../src/image/image-builder.js'
import { GUEST_PATHS } from '../../../src/image/sandbox-layer.js'
import { PlainImageStore } from '../../helpers/plain-image-store.js'

/** The strictest options that a sandbox runs with and that are about the image. */
const STRICT = ['--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none', '--user', '200000:200000']

const supervisorArgv = [
  GUEST_PATHS.loader,
  '--inhibit-cache',
  '--library-path',
  GUEST_PATHS.libraries,
  GUEST_PATHS.node,
]

function dockerRun(image: PreparedImage, argv: readonly string[], options: readonly string[] = STRICT): string {
  return execFileSync('docker', ['run', ...options, image.reference, ...argv], { encoding: 'utf8' })
}

describe('the runner base', () => {
  const store = new PlainImageStore()
  let image: PreparedImage

  beforeAll(async () => {
    image = await new ImageBuilder({ store }).ensure({ base: 'runner', home: null, uid: 200_000, gid: 200_000 })
  }, 180_000)

  it('runs the shells and the tools', () => {
    const script = `
      set -e
      echo b > /tmp/b; echo a > /tmp/a
      cat /tmp/a /tmp/b | sort | sed s/a/x/ | grep -c x
      find /tmp -type f | xargs -n1 basename | sort | tr '\\n' ' '
      tar -C /tmp -czf /tmp/c.tgz a b && gunzip < /tmp/c.tgz | tar -t | wc -l
      setsid true; egrep -q a /tmp/a; stdbuf -o0 echo unbuffered; id -u; ls /bin/sh
      bash -c 'a=(1 2 3); echo \${#a[@]}'
    `
    const output = dockerRun(image, ['/bin/sh', '-c', script], [...STRICT, '--tmpfs', '/tmp'])
    expect(output.trim().split('\n')).toEqual(['1', 'a b 2', 'unbuffered', '200000', '/bin/sh', '3'])
  })

  it('runs node as a command, with the libraries of the base', () => {
    expect(dockerRun(image, ['node', '-p', 'process.version + process.execPath']).trim()).toBe(
      process.version + GUEST_PATHS.node,
    )
  })

  it('runs node for the supervisor, with the libraries of /.sandbox alone', () => {
    const script = "process.stdout.write(fs.readFileSync('/proc/self/maps', 'utf8'))"
    const maps = dockerRun(image, [...supervisorArgv, '-e', script])
    expect(maps).toContain('/.sandbox/lib/libc.so.6')
    expect([...new Set(maps.match(/\/\S+$/gm))].filter((file) => !file.startsWith('/.sandbox/'))).toEqual([])
  })

  it('makes what runs through its loader opaque to the same uid, which the readable loader of the base does not', () => {
    const peek = (argv: readonly string[]): string =>
      dockerRun(image, [
        'sh',
        '-c',
        '"$@" -e "setTimeout(() => {}, 3000)" & sleep 1; ls /proc/$!/fd 2>&1; true',
        'sh',
        ...argv,
      ])
    expect(peek(supervisorArgv)).toContain('Permission denied')
    expect(peek(['/lib64/ld-linux-x86-64.so.2', GUEST_PATHS.node])).toMatch(/^0\n1\n/)
  })

  it('has nothing of the host in it', () => {
    const output = dockerRun(image, [
      'sh',
      '-c',
      'cat /etc/passwd /etc/group; find / -xdev -perm /7000 -type f 2>/dev/null',
    ])
    expect(output.match(/^\w+/gm)).toEqual(['root', 'nobody', 'root', 'nogroup'])
  })

  it('keeps the parts of /.sandbox from the guest as far as the contract says', () => {
    const output = dockerRun(image, ['sh', '-c', "cd /.sandbox && find . -printf '%m %u %y %p\\n' | sort -k4"])
    const modes = new Map(
      output
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[3], line.split(' ').slice(0, 3).join(' ')]),
    )
    expect(modes.get('./bin/init')).toBe('711 root f')
    expect(modes.get('./lib/ld.so')).toBe('711 root f')
    expect(modes.get('./bin/node')).toBe('755 root f')
    expect(modes.get('./shovel.cjs')).toBe('644 root f')
    expect(modes.get('./program.cjs')).toBe('644 root f')
  })

  it('is found again with one question to the engine', async () => {
    const builder = new ImageBuilder({ store })
    await builder.ensure({ base: 'runner', home: null, uid: 1, gid: 1 })
    store.requests.length = 0
    const again = await builder.ensure({ base: 'runner', home: null, uid: 2, gid: 2 })
    expect(again).toEqual({ ...image, built: false })
    expect(store.requests).toEqual(['inspect'])
  })
})
