/** Reads an endpoint's address (`unix://`, `tcp://`, `https://`, `ssh://`) and the TLS files that go with it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidOptionsError } from '../../errors.js'
import type { EngineEndpoint, TlsMaterial } from './endpoint-types.js'

/** The ports that Docker registered with IANA. */
const PLAIN_PORT = 2375
const TLS_PORT = 2376

const FORMS = 'unix:///path, an absolute path, tcp://host:port, https://host:port or ssh://user@host'

/**
 * @param address for example `tcp://10.0.0.1:2376`
 * @param tls TLS material, or `null` for a plain connection; `https://` without material uses the system's roots
 * @param origin who named the address
 * @throws {InvalidOptionsError} when the address has none of the known forms
 */
export function parseEndpointAddress(address: string, tls: TlsMaterial | null, origin: string): EngineEndpoint {
  if (address.startsWith('/')) return { kind: 'unix', socketPath: address, origin }
  if (address.startsWith('unix://')) {
    const socketPath = address.slice('unix://'.length)
    if (!socketPath.startsWith('/')) throw badAddress(address, origin)
    return { kind: 'unix', socketPath, origin }
  }
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || url.hostname === '' || (url.pathname !== '' && url.pathname !== '/'))
    throw badAddress(address, origin)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'ssh:') return parseSsh(url, host, address, origin)
  if (url.username !== '' || url.password !== '') throw badAddress(address, origin)
  // URL drops a port that is the default of its scheme.
  if (url.protocol === 'https:') return { kind: 'tcp', host, port: Number(url.port || 443), tls: tls ?? {}, origin }
  if (url.protocol === 'http:') return { kind: 'tcp', host, port: Number(url.port || 80), tls, origin }
  if (url.protocol === 'tcp:') {
    return { kind: 'tcp', host, port: Number(url.port || (tls === null ? PLAIN_PORT : TLS_PORT)), tls, origin }
  }
  throw badAddress(address, origin)
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem`; files that are not there are left out.
 * @throws {InvalidOptionsError} when a file cannot be read, or one of `cert.pem` and `key.pem` is there without the other
 */
export async function readTlsMaterial(folder: string, origin: string): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readPem(join(folder, name), origin)),
  )
  if ((cert === undefined) !== (key === undefined)) {
    throw new InvalidOptionsError(`${origin}: ${folder} holds only one of cert.pem and key.pem; both are needed.`)
  }
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

function parseSsh(url: URL, host: string, address: string, origin: string): EngineEndpoint {
  // ssh would take a host that starts with a dash for an option.
  if (url.password !== '' || host.startsWith('-') || url.username.startsWith('-')) throw badAddress(address, origin)
  return {
    kind: 'ssh',
    host,
    port: url.port === '' ? null : Number(url.port),
    username: url.username === '' ? null : decodeURIComponent(url.username),
    origin,
  }
}

async function readPem(path: string, origin: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new InvalidOptionsError(`${origin}: cannot read ${path}: ${(error as Error).message}.`, { cause: error })
  }
}

function badAddress(address: string, origin: string): InvalidOptionsError {
  // The address may hold a password: only its scheme is shown.
  const shown = address.includes('@') ? `${address.split('://')[0] ?? ''}://…` : address.slice(0, 200)
  return new InvalidOptionsError(`${origin} is no usable engine address: got '${shown}', allowed are ${FORMS}.`)
}
