/** `base: 'host'`: the host's own programs run inside, and nothing else of the host is there. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ContainerSandbox, DockerDriver, HomeError, InvalidOptionsError, type Violation } from '../../../src/index.js'
import { containersOf, rejection, withSandbox } from '../../helpers/sandboxes.js'

const HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'

let sandbox: ContainerSandbox
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'host-base-'))
  await chmod(scratch, 0o755)
  sandbox = await ContainerSandbox.create({ base: 'host', writable: ['/work'] })
  await sandbox.fs.writeFile('/work/a.c', HELLO)
})
afterAll(async () => {
  await sandbox.kill()
  await rm(scratch, { recursive: true })
})

const shell = (script: string) => sandbox.shell(script, { cwd: '/work', timeoutMs: 60_000 })

describe("the host's programs", () => {
  test.each([
    ['gcc', 'gcc -o a a.c && ./a', /^hello\n$/],
    [
      'git',
      'git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git log --oneline',
      /x\n$/,
    ],
    ['python3', '/usr/bin/python3 -c "import ssl, sqlite3, json; print(6 * 7)"', /^42\n$/],
    ['node', 'node -p "6 * 7"', /^42\n$/],
    ['perl', 'perl -MPOSIX -e "print POSIX::floor(42.5)"', /^42$/],
    [
      'make, through a link of /etc/alternatives',
      'printf "all:\\n\\t@echo made\\n" > Makefile && make && awk "BEGIN { print 42 }"',
      /^made\n42\n$/,
    ],
  ])('%s runs', async (_name, script, stdout) => {
    const result = await shell(script)
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: expect.stringMatching(stdout) as string })
  })

  test('are those of the host, byte for byte', async () => {
    const script = 'sha256sum /bin/bash /usr/bin/git /etc/ld.so.cache | cut -d " " -f 1'
    expect((await shell(script)).stdout).toBe(execFileSync('sh', ['-c', script], { encoding: 'utf8' }))
  })

  test('trust the certificates of the host', async () => {
    const script = 'import ssl; print(len(ssl.create_default_context().get_ca_certs()))'
    const here = execFileSync('/usr/bin/python3', ['-c', script], { encoding: 'utf8' })
    expect(Number(here)).toBeGreaterThan(10)
    expect((await sandbox.run('/usr/bin/python3', ['-c', script])).stdout).toBe(here)
  })
})

describe('nothing else of the host is there', () => {
  test.each(['/home', '/root', '/boot', '/srv', '/opt', '/mnt', '/media', '/run', '/tmp'])(
    '%s is empty or missing',
    async (path) => {
      const { stdout } = await sandbox.run('find', [path, '-mindepth', '1'])
      expect(stdout).toBe('')
    },
  )

  test('/var holds empty folders', async () => {
    expect((await sandbox.run('find', ['/var', '!', '-type', 'd'])).stdout).toBe('')
    expect((await sandbox.run('find', ['/var', '-mindepth', '1'])).stdout.split('\n').sort()).toEqual([
      '',
      '/var/lib',
      '/var/tmp',
    ])
  })

  test.each([
    '/etc/shadow', '/etc/gshadow', '/etc/machine-id', '/etc/fstab', '/etc/ssh', '/etc/sudoers', '/etc/ssl/private',
    '/etc/subuid', '/etc/docker', '/etc/crontab', '/etc/init.d', '/etc/apt', '/etc/pam.d', '/etc/gitconfig', '/etc/npmrc',
    '/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', process.cwd(),
  ])('%s is missing', async (path) => {
    expect((await sandbox.run('ls', ['-d', path])).exitCode).toBe(2)
  }) // prettier-ignore

  test('/etc has what is named and nothing besides', async () => {
    const { stdout } = await shell('ls /etc')
    const known =
      /^(?:alternatives|ca-certificates|ca-certificates\.conf|crypto-policies|fonts|group|hostname|hosts|java-[\w.-]+|ld\.so\.(?:cache|conf|conf\.d)|locale\.alias|magic|mtab|mime\.types|nsswitch\.conf|os-release|passwd|perl|pki|protocols|python3[\w.]*|resolv\.conf|services|ssl|terminfo)$/
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((name) => !known.test(name)),
    ).toEqual([])
  })

  test.each(['/etc/passwd', '/etc/group', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname'])(
    "%s is not the host's",
    async (path) => {
      const { stdout } = await sandbox.run('cat', [path])
      expect(stdout).not.toBe(await readFile(path, 'utf8'))
      if (path === '/etc/passwd') expect(stdout.match(/^\w+/gm)).toEqual(['root', 'nobody'])
      if (path === '/etc/hostname') expect(stdout).not.toContain(hostname())
    },
  )

  test('the names of the host show nowhere', async () => {
    const { stdout } = await shell('hostname; uname -n; env')
    expect(stdout).not.toContain(hostname())
    expect(stdout.match(/^(?!HOME|USER|LOGNAME|SHELL|PATH|PWD|SHLVL|_|OLDPWD)\w+=/gm)).toBeNull()
  })

  test('what is mounted below /usr is not taken along', async () => {
    const folder = '/usr/local/share/container-sandbox-host-base-test'
    await mkdir(folder, { recursive: true })
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'host-base-test', folder])
      try {
        await writeFile(join(folder, 'secret'), 'of the host')
        await withSandbox({ base: 'host' }, async (fresh) => {
          expect((await fresh.run('ls', ['-A', folder])).stdout).toBe('')
        })
      } finally {
        execFileSync('umount', [folder])
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('what is there cannot be changed', () => {
  test.each([
    'touch /usr/bin/evil', 'touch /usr/lib/evil', 'touch /bin/evil', 'touch /etc/ld.so.cache', 'touch /etc/alternatives/evil',
    'touch /etc/ssl/certs/evil', 'rm -f /usr/bin/env', 'mkdir /usr/local/bin/evil', 'touch /evil', 'touch /home/evil',
    'ln -s /tmp /usr/evil', 'mv /usr/bin/env /usr/bin/evil', 'echo x >> /usr/bin/env',
  ])('%s fails', async (script) => {
    const { exitCode, stderr } = await shell(script)
    expect(exitCode).not.toBe(0)
    expect(stderr).toMatch(/Read-only file system|Permission denied/)
    expect(existsSync('/usr/bin/evil') || existsSync('/usr/evil') || !existsSync('/usr/bin/env')).toBe(false)
  }) // prettier-ignore

  test('a path that everybody may write to is read-only too', async () => {
    const folder = '/usr/local/share/container-sandbox-open-test'
    await mkdir(folder)
    try {
      await chmod(folder, 0o777)
      expect((await shell(`touch ${folder}/evil`)).stderr).toContain('Read-only file system')
      expect(existsSync(join(folder, 'evil'))).toBe(false)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a setuid program of the host raises nobody', async () => {
    const program = '/usr/local/bin/container-sandbox-setuid-test'
    await writeFile(
      join(scratch, 'id.c'),
      '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%d %d", getuid(), geteuid()); return 0; }\n',
    )
    execFileSync('gcc', ['-o', program, join(scratch, 'id.c')])
    try {
      await chmod(program, 0o4755)
      expect((await stat(program)).uid).toBe(0)
      const uid = sandbox.user?.uid ?? 0
      expect(uid).toBeGreaterThan(0)
      expect((await sandbox.run(program)).stdout).toBe(`${uid} ${uid}`)
      // The same file raises outside, for another user.
      const outside = execFileSync('setpriv', ['--reuid', '65534', '--clear-groups', program], { encoding: 'utf8' })
      expect(outside).toBe('65534 0')
    } finally {
      await rm(program)
    }
  })

  test('su and passwd end without having done anything', async () => {
    for (const argv of [
      ['su', '-c', 'id -u'],
      ['passwd', '-d', 'root'],
      ['mount', '-t', 'tmpfs', 'x', '/work'],
    ]) {
      const { exitCode, stdout } = await sandbox.run(argv[0] ?? '', argv.slice(1), { timeoutMs: 20_000 })
      expect(exitCode).not.toBe(0)
      expect(stdout).not.toMatch(/^0$/m)
    }
  })
})

describe('the base', () => {
  test('is read back as it was asked for', async () => {
    const { verified, kernel } = await sandbox.isolation()
    expect(verified).toBe(true)
    const usr = kernel.mounts.filter(({ target }) => target === '/usr')
    expect(usr).toHaveLength(1)
    expect(usr[0]?.options).toContain('ro')
  })

  test('takes a home on top', async () => {
    const home = join(scratch, 'home')
    await mkdir(join(home, 'src'), { recursive: true })
    await writeFile(join(home, 'src', 'a.c'), HELLO)
    await withSandbox({ base: 'host', user: { home } }, async (fresh) => {
      const { stdout } = await fresh.shell('gcc -o /tmp/a /src/a.c && /tmp/a && stat -c %u /src/a.c')
      expect(stdout).toBe(`hello\n${fresh.user?.uid}\n`)
    })
  })

  test.each(['bin/tool', 'usr/local/x', 'etc/ssl/certs/mine.pem', 'lib/x.so'])(
    'refuses a home whose %s would be hidden',
    async (path) => {
      const home = await mkdtemp(join(scratch, 'hidden-'))
      await mkdir(join(home, path, '..'), { recursive: true })
      await writeFile(join(home, path), '')
      const error = await rejection(ContainerSandbox.create({ base: 'host', user: { home } }))
      expect(error).toBeInstanceOf(HomeError)
      expect((error as Error).message).toContain(`/${path}, but with base 'host' the host's own /`)
    },
  )

  test('refuses a mount and scratch in its place', async () => {
    const mounts = [{ source: scratch, target: '/usr/local/bin', writable: false }]
    expect(await rejection(ContainerSandbox.create({ base: 'host', mounts }))).toBeInstanceOf(InvalidOptionsError)
    expect(await rejection(ContainerSandbox.create({ base: 'host', writable: ['/usr'] }))).toBeInstanceOf(
      InvalidOptionsError,
    )
  })

  test('refuses an engine on another machine', async () => {
    const real = new DockerDriver()
    const launches: unknown[] = []
    const driver = {
      images: real.images,
      info: async () => ({ ...(await real.info()), local: false, name: 'far-away' }),
      launch: (spec: unknown) => Promise.reject(new Error(`launched ${launches.push(spec)}`)),
      create: (spec: unknown) => Promise.reject(new Error(`made ${launches.push(spec)}`)),
    }
    const error = await rejection(ContainerSandbox.create({ base: 'host', driver: driver as unknown as DockerDriver }))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect((error as Error).message).toContain("the engine 'far-away' does not run on this machine")
    expect(launches).toEqual([])
  })

  test.each([
    ['gcc', `printf '%s' "$SOURCE" > /work/a.c && gcc -o /work/a /work/a.c && /work/a`],
    ['python3', '/usr/bin/python3 -c "import json, ssl"'],
    ['node', 'node -e "require(\'node:https\')"'],
    ['git', 'cd /work && git init -q . && git status'],
  ])('%s is within the default policy of a trace', async (_name, script) => {
    const violations: Violation[] = []
    let id = ''
    await withSandbox(
      { base: 'host', writable: ['/work'], env: { SOURCE: HELLO }, trace: { onViolation: 'report' } },
      async (traced) => {
        id = traced.id
        traced.on('jailbreak', (violation) => violations.push(violation))
        expect(await traced.shell(script)).toMatchObject({ exitCode: 0 })
      },
    )
    expect(violations.map(({ access, path }) => `${access} ${path}`)).toEqual([])
    expect(await containersOf(id)).toEqual([])
  })
})
