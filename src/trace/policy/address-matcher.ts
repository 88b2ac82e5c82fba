/** Matches the addresses of connections, written as in events: `10.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@name`. */
import { BlockList, isIP } from 'node:net'
import type { ConnectPattern } from '../../options/index.js'
import { PathMatcher } from './path-matcher.js'

const NETWORK = /^(?:\[([^\]]*)\]|([\d.]+)):(\d+)$/
const EVERY_PORT = -1

/** The `connect` list of a policy. */
export class AddressMatcher {
  readonly #networks = new Map<number, BlockList>()
  readonly #everywhere = new Set<number>()
  readonly #abstract = new Set<string>()
  readonly #files: PathMatcher
  readonly #regexps: PathMatcher

  constructor(patterns: readonly ConnectPattern[]) {
    for (const pattern of patterns) {
      if (pattern.kind === 'abstract') this.#abstract.add(pattern.name)
      if (pattern.kind === 'network') this.#addNetwork(pattern)
    }
    const files = patterns.flatMap((pattern) => (pattern.kind === 'unix' ? [pattern.path] : []))
    this.#files = new PathMatcher(files, { withAncestors: false })
    this.#regexps = new PathMatcher(
      patterns.filter((pattern) => pattern.kind === 'regexp'),
      { withAncestors: false },
    )
  }

  matches(address: string): boolean {
    return this.#matchesSocket(address) || this.#matchesNetwork(address) || this.#regexps.matches(address)
  }

  #matchesSocket(address: string): boolean {
    if (!address.startsWith('unix:')) return false
    const name = address.slice('unix:'.length)
    return name.startsWith('@') ? this.#abstract.has(name.slice(1)) : this.#files.matches(name)
  }

  #matchesNetwork(address: string): boolean {
    const match = NETWORK.exec(address)
    if (match === null) return false
    // A zone such as %eth0 names an interface of this sandbox and no other address.
    const host = (match[1] ?? match[2] ?? '').replace(/%.*$/, '')
    const family = isIP(host)
    if (family === 0) return false
    const port = Number(match[3])
    if (this.#everywhere.has(EVERY_PORT) || this.#everywhere.has(port)) return true
    const kind = family === 4 ? 'ipv4' : 'ipv6'
    // An IPv4 address inside of an IPv6 one (RFC 4291, 2.5.5.2) is the IPv4 address, also to `BlockList`.
    return [EVERY_PORT, port].some((key) => this.#networks.get(key)?.check(host, kind))
  }

  #addNetwork({ address, prefixBits, port }: Extract<ConnectPattern, { kind: 'network' }>): void {
    const key = port ?? EVERY_PORT
    if (address === null) {
      this.#everywhere.add(key)
      return
    }
    const networks = this.#networks.get(key) ?? new BlockList()
    networks.addSubnet(address, prefixBits, isIP(address) === 4 ? 'ipv4' : 'ipv6')
    this.#networks.set(key, networks)
  }
}
