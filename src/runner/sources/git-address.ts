/**
 * The address of a repository, and what of it is secret.
 *
 * A name and a password in a URL would stand in the arguments of git and its helpers, which every user of the host can list, and
 * in git's messages. So they are taken out: over HTTP they go as a header from a private file; nothing else takes them.
 */
import { SourceError } from '../../errors.js'
import { printable } from '../../printable.js'

/** Where to fetch from. */
export interface GitAddress {
  /** Without a password and, over HTTP, without a name. */
  readonly url: string
  /** For messages: without whatever could be secret, escaped and cut. */
  readonly shown: string
  readonly protocol: 'https' | 'http' | 'ssh' | 'git' | 'file'
  /** The value of an `Authorization` header (RFC 7617); `null` for none. */
  readonly authorization: string | null
  /** Texts that may not appear in a message, in every form that the other side has seen. */
  readonly secrets: readonly string[]
}

const PROTOCOLS = ['https', 'http', 'ssh', 'git', 'file'] as const

/** @throws {SourceError} for what is no URL of a repository. */
export function parseGitAddress(text: string): GitAddress {
  const url = parseUrl(text)
  const shown = url === null ? 'the git URL' : showUrl(url)
  const protocol = PROTOCOLS.find((name) => url?.protocol === `${name}:`)
  const problem =
    url === null || protocol === undefined
      ? 'it is no URL that begins with https://, http://, ssh://, git:// or file://'
      : hostProblem(url, protocol)
  if (url === null || protocol === undefined || problem !== null) {
    throw new SourceError(`${shown} cannot be fetched: ${problem}.`, { details: { why: 'no URL of a repository' } })
  }
  const name = decoded(url.username)
  const password = decoded(url.password)
  const isHttp = protocol === 'https' || protocol === 'http'
  const pair = Buffer.from(`${name}:${password}`).toString('base64')
  const hasPair = isHttp && (name !== '' || password !== '')
  const query = url.search.length > 1 ? [url.search.slice(1)] : []
  // A token can stand in the place of the name. Beside a password the name is none, and often a word of git's own messages.
  const names = isHttp && password === '' ? [name, url.username] : []
  const secrets = [password, url.password, ...names, ...(hasPair ? [pair] : []), ...query]
  url.password = ''
  if (isHttp) url.username = ''
  url.hash = ''
  return {
    url: url.href,
    shown,
    protocol,
    authorization: hasPair ? `Basic ${pair}` : null,
    secrets: [...new Set(secrets)].filter((secret) => secret !== '').sort((a, b) => b.length - a.length),
  }
}

/** Replaces what is secret in a text of git or of the other side. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
}

function hostProblem(url: URL, protocol: GitAddress['protocol']): string | null {
  if (protocol === 'file') return url.host === '' ? null : 'a file URL names a path of this host: write file:///path'
  if (url.hostname === '') return 'it names no host'
  // Older versions of git handed such a name to ssh as an option (CVE-2017-1000117).
  return url.hostname.startsWith('-') || url.username.startsWith('-') ? 'a host or user cannot begin with a dash' : null
}

function showUrl(url: URL): string {
  const account = url.username !== '' || url.password !== '' ? '***@' : ''
  const query = url.search.length > 1 ? '?***' : ''
  return printable(`${url.protocol}//${account}${url.host}${url.pathname}${query}`, 300)
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
