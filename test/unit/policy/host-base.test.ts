import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import { assertHostBase, findHostBase } from '../../../src/policy/host-base.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'host-'))
  await mkdir(join(root, 'usr'))
})
afterEach(() => rm(root, { recursive: true }))

async function file(path: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), '')
  await chmod(join(root, path), mode)
}
const targets = () => findHostBase(root).mounts.map(({ target }) => target)

test('merged links stay links, and /usr is mounted read-only', async () => {
  await symlink('usr/bin', join(root, 'bin'))
  await symlink('/usr/lib', join(root, 'lib'))
  expect(findHostBase(root)).toEqual({
    links: { bin: 'usr/bin', lib: 'usr/lib' },
    mounts: [{ source: join(root, 'usr'), target: '/usr', writable: false, kind: 'folder' }],
  })
})

test('folders of a system that is not merged are mounted', async () => {
  await file('bin/sh', 0o755)
  await file('lib64/ld.so', 0o755)
  expect(targets()).toEqual(['/usr', '/bin', '/lib64'])
})

test('of /etc only what belongs to programs', async () => {
  const taken = ['alternatives/awk', 'ld.so.cache', 'ssl/certs/a.pem', 'java-17-openjdk/x', 'java-21/x', 'python3.11/x']
  const left = [
    'shadow',
    'passwd',
    'ssl/private/key.pem',
    'hostname',
    'machine-id',
    'ssh/ssh_host_key',
    'pki/tls/private/x',
  ]
  for (const path of [...taken, ...left]) await file(`etc/${path}`)
  expect(targets()).toEqual([
    '/usr', '/etc/alternatives', '/etc/ld.so.cache', '/etc/ssl/certs', '/etc/java-17-openjdk', '/etc/java-21', '/etc/python3.11',
  ]) // prettier-ignore
})

test('what not everybody may read is left out, and so are links to nowhere', async () => {
  await file('etc/ld.so.conf', 0o640)
  await file('etc/ssl/certs/a.pem')
  await chmod(join(root, 'etc/ssl/certs'), 0o750)
  await symlink('/nowhere', join(root, 'etc/magic'))
  expect(targets()).toEqual(['/usr'])
})

test('a link is mounted from where it leads', async () => {
  await file('etc/pki/ca-trust/extracted/tls.pem')
  await mkdir(join(root, 'etc/pki/tls'))
  await symlink('../ca-trust/extracted/tls.pem', join(root, 'etc/pki/tls/cert.pem'))
  expect(findHostBase(root).mounts.find(({ target }) => target === '/etc/pki/tls/cert.pem')).toEqual({
    source: join(root, 'etc/pki/ca-trust/extracted/tls.pem'),
    target: '/etc/pki/tls/cert.pem',
    writable: false,
    kind: 'file',
  })
})

test('an engine elsewhere is refused', () => {
  expect(() => assertHostBase({ local: true, name: 'here' })).not.toThrow()
  expect(() => assertHostBase({ local: false, name: 'there' })).toThrow(InvalidOptionsError)
})
