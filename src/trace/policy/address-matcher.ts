/** Matches the addresses of connections, written as in events: `10.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@name`. */
import { BlockList, isIP } from 'node:net'
import { isMappedAddress, type ConnectPattern } from '../../options/index.js'
import { PathMatcher } from './path-matcher.js'

const NETWORK = /^(?:\[([^\]]*)\]|([\d.]+)):(\d+)$/
const EVERY_PORT = -1

/** Networks of one port. `BlockList` takes every IPv4 address for part of `::/0`; so each family has a list of its own. */
interface Networks {
  readonly four: BlockList
  readonly six: BlockList
}

/** The `connect` list of a policy. */
export class AddressMatcher {
  readonly #networks = new Map<number, Networks>()
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
    const isFour = family === 4 || isMappedAddress(host)
    return [EVERY_PORT, port].some((key) => {
      const networks = this.#networks.get(key)
      // `BlockList` compares a mapped address with IPv4 networks by itself.
      return (isFour ? networks?.four : networks?.six)?.check(host, family === 4 ? 'ipv4' : 'ipv6')
    })
  }

  #addNetwork({ address, prefixBits, port }: Extract<ConnectPattern, { kind: 'network' }>): void {
    const key = port ?? EVERY_PORT
    if (address === null) {
      this.#everywhere.add(key)
      return
    }
    const networks = this.#networks.get(key) ?? { four: new BlockList(), six: new BlockList() }
    if (isIP(address) === 4) networks.four.addSubnet(address, prefixBits, 'ipv4')
    else networks.six.addSubnet(address, prefixBits, 'ipv6')
    this.#networks.set(key, networks)
  }
}
