/**
 * What the base `host` takes of this machine: programs and what belongs to them, and nothing that is about the machine, its
 * users or its services.
 *
 * Everything is mounted read-only as it is, so the guest sees what is installed now. What is mounted below one of these folders
 * is not taken along. A setuid bit raises nobody, since a guest runs under no-new-privileges.
 */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { InvalidOptionsError } from '../errors.js'
import type { BindMount } from './container-spec.js'

/** What stands in the root of a system beside `/usr`: a link into it, or where `/usr` is not merged a folder of its own. */
const ROOT_NAMES = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'] as const

/**
 * What of `/etc` belongs to programs and not to the machine: where alternatives lead, what the loader reads (ld.so(8)),
 * public certificates without `private`, and what links of `/usr` need to lead somewhere, such as Java's own settings. Not a
 * word of accounts, keys, hosts, services or mounts is in them. `*` at the end stands for any rest of a name.
 */
const ETC_NAMES = [
  'alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d',
  'ssl/certs', 'ssl/openssl.cnf', 'ssl/cert.pem', 'pki/ca-trust', 'pki/tls/certs', 'pki/tls/cert.pem', 'pki/tls/openssl.cnf',
  'ca-certificates', 'ca-certificates.conf', 'crypto-policies',
  'java-*', 'python3*', 'perl', 'fonts', 'terminfo', 'mime.types', 'magic', 'protocols', 'services', 'locale.alias',
] // prettier-ignore

/** The host as a base: what is mounted, and which links the root has. */
export interface HostBase {
  /** Each read-only, at the path that it has on the host. */
  readonly mounts: readonly (BindMount & { readonly kind: 'folder' | 'file' })[]
  /** From a name in the root to what the host's link of that name says, such as `bin` to `usr/bin`. */
  readonly links: Readonly<Record<string, string>>
}

/**
 * Looks what of the base this host has. A file that not everybody may read is left out.
 * @param root where to look; default `/`
 */
export function findHostBase(root = '/'): HostBase {
  const at = (path: string): string => `${root === '/' ? '' : root}/${path}`
  const links: Record<string, string> = {}
  const paths = ['usr']
  for (const name of ROOT_NAMES) {
    const link = linkOf(at(name))
    if (link !== null) links[name] = link.replace(/^\/+/, '')
    else paths.push(name)
  }
  const names = namesOf(at('etc'))
  paths.push(...ETC_NAMES.flatMap((name) => expand(name, names)).map((name) => `etc/${name}`))
  return { mounts: paths.flatMap((path) => mountOf(at(path), `/${path}`)), links }
}

/**
 * @param engine whose host is meant
 * @throws {InvalidOptionsError} when that is another machine, or one of its own on this one, as with Docker Desktop
 */
export function assertHostBase(engine: { readonly local: boolean; readonly name: string }): void {
  if (engine.local) return
  throw new InvalidOptionsError(
    `base is 'host', but the engine '${engine.name}' does not run on this machine: its programs are not the ones that you see ` +
      "here. Use base 'runner', or an image that has what you need.",
    { details: { engine: engine.name } },
  )
}

function mountOf(path: string, target: string): HostBase['mounts'] {
  try {
    const source = realpathSync(path)
    const facts = statSync(source)
    const isPublic = (facts.mode & (facts.isDirectory() ? 0o005 : 0o004)) === (facts.isDirectory() ? 0o005 : 0o004)
    if (!isPublic || !(facts.isDirectory() || facts.isFile())) return []
    return [{ source, target, writable: false, kind: facts.isDirectory() ? 'folder' : 'file' }]
  } catch {
    return []
  }
}

function linkOf(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null
  } catch {
    return null
  }
}

function namesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

function expand(name: string, present: readonly string[]): readonly string[] {
  if (!name.endsWith('*')) return [name]
  return present.filter((candidate) => candidate.startsWith(name.slice(0, -1)))
}
