/** Patterns for connections in trace policies, written like the addresses in events. */
import { BlockList, isIP } from 'node:net'
import { assertText, parsePath, parseRegExp, PatternProblem, type PathPattern } from './trace-pattern.js'

/** An entry of `connect`, checked and taken apart. */
export type ConnectPattern =
  | {
      readonly kind: 'network'
      /** `null`: every address of both families. */
      readonly address: string | null
      /** Leading bits of the address that count; 0 where there is no address. */
      readonly prefixBits: number
      /** `null`: every port. */
      readonly port: number | null
    }
  /** A socket in the file system; matched like a file. */
  | { readonly kind: 'unix'; readonly path: PathPattern }
  /** An abstract socket, by its whole name. */
  | { readonly kind: 'abstract'; readonly name: string }
  | { readonly kind: 'regexp'; readonly regexp: RegExp }

const NETWORK = /^(?:\[(?<six>[^\]]*)\]|(?<four>[^:[\]]*)):(?<port>[^:[\]]*)$/

const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')

/** Whether an IPv6 address stands for an IPv4 address. Source: RFC 4291, 2.5.5.2. */
export function isMappedAddress(address: string): boolean {
  return isIP(address) === 6 && mapped.check(address, 'ipv6')
}

/** @throws {PatternProblem} */
export function parseConnectEntry(entry: unknown): ConnectPattern {
  const regexp = parseRegExp(entry)
  if (regexp?.kind === 'regexp') return regexp
  const text = assertText(entry)
  if (text.startsWith('@')) throw new PatternProblem("ready-made sets hold files: write addresses, or 'unix:@name'")
  if (text.startsWith('unix:')) return parseUnix(text.slice('unix:'.length))
  if (text.startsWith('/')) throw new PatternProblem(`write a socket in the file system as 'unix:${text.slice(0, 40)}'`)
  return parseNetwork(text)
}

function parseUnix(name: string): ConnectPattern {
  if (name === '@' || name === '') throw new PatternProblem("name the socket: 'unix:/run/x' or 'unix:@name'")
  if (name.startsWith('@')) return Object.freeze({ kind: 'abstract', name: name.slice(1) })
  return Object.freeze({ kind: 'unix', path: parsePath(name) })
}

function parseNetwork(text: string): ConnectPattern {
  const match = NETWORK.exec(text)?.groups
  if (match === undefined) {
    if (isIP(text.replace(/\/\d+$/, '')) === 6) throw new PatternProblem(`write an IPv6 address as '[${text}]:port'`)
    throw new PatternProblem(
      text.includes(':') ? 'it is not of the form address:port' : "the port is missing; ':*' stands for every port",
    )
  }
  const { six, four, port } = match
  const portNumber = parsePort(port ?? '')
  if (four === '*') return Object.freeze({ kind: 'network', address: null, prefixBits: 0, port: portNumber })
  const [address = '', bits, ...rest] = (six ?? four ?? '').split('/')
  const family = six === undefined ? 4 : 6
  if (isIP(address) !== family || address.includes('%')) {
    const reason = family === 6 ? 'no IPv6 address stands in the brackets' : 'it does not begin with an IPv4 address'
    throw new PatternProblem(`${reason}; names of hosts are not known here, '*' stands for every address`)
  }
  const maxBits = family === 4 ? 32 : 128
  const prefixBits = bits === undefined ? maxBits : /^(?:0|[1-9]\d{0,2})$/.test(bits) ? Number(bits) : NaN
  if (rest.length > 0 || !(prefixBits <= maxBits))
    throw new PatternProblem(`the length of the network is a number from 0 to ${maxBits}`)
  if (isMappedAddress(address) && prefixBits >= 96)
    throw new PatternProblem('such an address is an IPv4 address: write it as one, 10.0.0.1 or 10.0.0.0/8')
  return Object.freeze({ kind: 'network', address, prefixBits, port: portNumber })
}

function parsePort(text: string): number | null {
  if (text === '*') return null
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : NaN
  if (!(port <= 65_535)) throw new PatternProblem("the port is a number from 1 to 65,535, or '*'")
  return port
}
