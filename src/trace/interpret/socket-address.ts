/** Addresses of sockets as strace prints them. What of them the guest wrote stands in quotes. */
import { readString } from '../strace/arguments.js'

/** An address that a call used. */
export type SocketAddress =
  /** `10.0.0.1:80`, `[::1]:80`, `netlink:0`, `unix:@abstract`, or the family of one that has no such form. */
  | { readonly kind: 'address'; readonly address: string }
  /** A socket in the file system. */
  | { readonly kind: 'file'; readonly name: string }
  /** No address, or one that undoes a connection: nothing is named. */
  | { readonly kind: 'none' }
  /** Not readable: what strace printed instead. */
  | { readonly kind: 'unreadable'; readonly text: string }

const FAMILY = /^\{sa_family=(AF_[A-Z0-9_]+)(?=[,}])/
const INET = /^\{sa_family=AF_INET, sin_port=htons\((\d{1,5})\), sin_addr=inet_addr\("([\d.]{7,15})"\)\}/
const INET6 =
  /^\{sa_family=AF_INET6, sin6_port=htons\((\d{1,5})\), sin6_flowinfo=htonl\(\d+\), inet_pton\(AF_INET6, "([\da-f:.]{2,45})", &sin6_addr\), /
const UNIX = /^\{sa_family=AF_UNIX, sun_path=(@?)("(?:[^"\\]|\\.)*"(?:\.\.\.)?)\}/s
const UNSPEC = /^\{sa_family=AF_UNSPEC, sa_data=("(?:[^"\\]|\\.)*")/s
const NETLINK = /^\{sa_family=AF_NETLINK, nl_pid=(-?\d+), /

function unixAddress(abstract: boolean, quoted: string): SocketAddress {
  const name = readString(quoted)
  if (name === null || name.truncated) return { kind: 'unreadable', text: quoted }
  if (abstract) return { kind: 'address', address: `unix:@${name.value}` }
  return name.value === '' ? { kind: 'none' } : { kind: 'file', name: name.value }
}

/** Bytes as decoded text has them: those that are no UTF-8 as surrogates. */
function bytesOf(text: string): readonly number[] {
  return Array.from(text).flatMap((character) => {
    const code = character.codePointAt(0) ?? 0
    return code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : [...Buffer.from(character)]
  })
}

/** For all but connect(2) IPv4 takes an address without a family for its own (`udp_sendmsg` and `inet_bind` of Linux). */
function unspecifiedAddress(text: string): SocketAddress {
  const data = readString(UNSPEC.exec(text)?.[1] ?? '')
  const [high, low, ...host] = data === null ? [] : bytesOf(data.value)
  if (high === undefined || low === undefined || host.length < 4) return { kind: 'none' }
  return { kind: 'address', address: `${host.slice(0, 4).join('.')}:${high * 256 + low}` }
}

/** Reads an address at the beginning of `text`; what follows it does not matter. */
export function readSocketAddress(text: string): SocketAddress {
  if (text.startsWith('NULL')) return { kind: 'none' }
  const family = FAMILY.exec(text)?.[1]
  if (family === undefined) return { kind: 'unreadable', text: text.slice(0, 100) }
  if (family === 'AF_UNSPEC') return unspecifiedAddress(text)
  const inet = INET.exec(text)
  if (inet !== null) return { kind: 'address', address: `${inet[2]}:${inet[1]}` }
  const inet6 = INET6.exec(text)
  if (inet6 !== null) return { kind: 'address', address: `[${inet6[2]}]:${inet6[1]}` }
  const unix = UNIX.exec(text)
  if (unix?.[2] !== undefined) return unixAddress(unix[1] === '@', unix[2])
  // Without a path: bind lets the kernel choose an abstract name.
  if (family === 'AF_UNIX' && text.startsWith('{sa_family=AF_UNIX}')) return { kind: 'address', address: 'unix:@' }
  const netlink = NETLINK.exec(text)
  if (netlink !== null) return { kind: 'address', address: `netlink:${netlink[1]}` }
  return { kind: 'address', address: family }
}

const MESSAGE_NAME = '{msg_name='

/** The address of a `struct msghdr`. */
export function readMessageAddress(text: string): SocketAddress {
  if (text.startsWith(MESSAGE_NAME)) return readSocketAddress(text.slice(MESSAGE_NAME.length))
  return text === 'NULL' ? { kind: 'none' } : { kind: 'unreadable', text: text.slice(0, 100) }
}
