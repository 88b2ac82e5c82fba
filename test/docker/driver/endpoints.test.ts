/** The engine over TLS, over ssh and without permission. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DockerDriver } from '../../../src/driver/docker/index.js'
import { busyboxSpec, ensureBusyboxImage } from '../../helpers/busybox.js'
import { PrivateEngine } from '../../helpers/engine.js'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'endpoints-'))
  await chmod(folder, 0o755)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A whole launch: attach through the hijacked connection, half close, exit. */
async function provesItself(driver: DockerDriver): Promise<void> {
  await ensureBusyboxImage(driver.images)
  const handle = await driver.launch(busyboxSpec('head -c 300000 /dev/zero | tr "\\\\0" x; cat; echo err >&2; exit 4'))
  try {
    handle.input.end('last')
    const [output, errors] = await Promise.all([text(handle.output), text(handle.errorOutput)])
    expect(output).toBe(`${'x'.repeat(300_000)}last`)
    expect(errors).toBe('err\n')
    expect((await handle.exited).exitCode).toBe(4)
  } finally {
    await handle.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
}

async function certificate(name: string, subject: string, extensions: string): Promise<void> {
  await writeFile(join(folder, `${name}.ext`), extensions)
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}-key.pem`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${subject}`,
  )
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca-key.pem',
    '-CAcreateserial',
    '-days',
    '2',
    '-out',
    `${name}.pem`,
    '-extfile',
    `${name}.ext`,
  )
}

it('over TCP with TLS, both sides verified', async () => {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test-ca',
  )
  await certificate('server', '127.0.0.1', 'subjectAltName=IP:127.0.0.1')
  await certificate('client', 'client', 'extendedKeyUsage=clientAuth')
  const certPath = join(folder, 'client')
  await mkdir(certPath)
  await copyFile(join(folder, 'ca.pem'), join(certPath, 'ca.pem'))
  await copyFile(join(folder, 'client.pem'), join(certPath, 'cert.pem'))
  await copyFile(join(folder, 'client-key.pem'), join(certPath, 'key.pem'))
  const port = await freePort()
  const file = (name: string) => join(folder, name)
  const tls = [
    '--tlsverify',
    '--tlscacert',
    file('ca.pem'),
    '--tlscert',
    file('server.pem'),
    '--tlskey',
    file('server-key.pem'),
  ]
  await using _engine = await PrivateEngine.start({ args: ['--host', `tcp://127.0.0.1:${port}`, ...tls] })
  const host = `tcp://127.0.0.1:${port}`

  const driver = new DockerDriver({ host, certPath, sweep: false })
  await provesItself(driver)
  expect((await driver.info()).local).toBe(false)
  await driver.close()

  await writeFile(join(folder, 'none'), '')
  const plain = new DockerDriver({ host, sweep: false })
  await expect(plain.info()).rejects.toThrow(/HTTPS|no container engine|refused/)
  await plain.close()
  const stranger = new DockerDriver({ host: `https://127.0.0.1:${port}`, sweep: false })
  await expect(stranger.info()).rejects.toThrow(/No container engine answers.*certificate|SELF_SIGNED|UNABLE_TO/)
  await stranger.close()
})

it('over ssh, with the user’s own ssh', async () => {
  const port = await freePort()
  for (const name of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, `${name}_key`)])
  }
  await copyFile(join(folder, 'user_key.pub'), join(folder, 'authorized_keys'))
  const hostKey = await readFile(join(folder, 'host_key.pub'), 'utf8')
  await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${hostKey}`)
  await writeFile(
    join(folder, 'sshd_config'),
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${folder}/host_key\nPidFile none\nStrictModes no\nUsePAM no
AuthorizedKeysFile ${folder}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n`,
  )
  await writeFile(
    join(folder, 'ssh_config'),
    `Host *\n IdentityFile ${folder}/user_key\n IdentitiesOnly yes\n UserKnownHostsFile ${folder}/known_hosts\n`,
  )
  await mkdir(join(folder, 'bin'), { recursive: true })
  await writeFile(join(folder, 'bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${folder}/ssh_config "$@"\n`, {
    mode: 0o755,
  })
  await mkdir('/run/sshd', { recursive: true })
  const args = ['-D', '-e', '-f', join(folder, 'sshd_config')]
  const sshd = spawn('/usr/sbin/sshd', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  sshd.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()))
  const path = process.env.PATH
  process.env.PATH = `${folder}/bin:${path ?? ''}`
  try {
    await expect.poll(() => words).toContain('Server listening on 127.0.0.1')
    const driver = new DockerDriver({ host: `ssh://root@127.0.0.1:${port}`, sweep: false })
    await provesItself(driver)
    await driver.close()

    await writeFile(join(folder, 'known_hosts'), '')
    const stranger = new DockerDriver({ host: `ssh://root@127.0.0.1:${port}`, sweep: false, requestTimeoutMs: 10_000 })
    await expect(stranger.info()).rejects.toThrow(/Host key verification failed/)
    await stranger.close()
  } finally {
    process.env.PATH = path
    sshd.kill()
    await once(sshd, 'exit')
  }
})

it('without permission on the socket: the error says what to do', async () => {
  const outfile = join(folder, 'info.mjs')
  const contents = `import { DockerDriver } from './src/driver/docker/index.ts'
    new DockerDriver().info().catch((error) => console.log(error.code + ': ' + error.message))`
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    ...{
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: outfile.replace('.mjs', '.cjs'),
      external: ['*.node', 'cpu-features'],
    },
    logLevel: 'error',
  })
  const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' }
  const output = execFileSync(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, outfile.replace('.mjs', '.cjs')],
    { env, encoding: 'utf8' },
  )
  expect(output).toMatch(
    /^ERR_ENGINE_UNAVAILABLE: \/var\/run\/docker\.sock: permission denied\. Add the user to the group docker/,
  )
})
