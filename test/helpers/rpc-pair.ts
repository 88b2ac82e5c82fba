/** Peers for tests: one alone, whose other side is the test, and two that talk to each other. */
import { MessageDecoder, RpcPeer, type ProtocolViolation, type RpcPeerOptions } from '../../src/protocol/index.js'

function decode(bytes: Buffer): unknown {
  let value: unknown
  new MessageDecoder((message) => (value = message)).push(bytes)
  return value
}

export interface LonePeer {
  readonly peer: RpcPeer
  /** What it has sent since the last call, parsed. */
  readonly sent: () => Record<string, unknown>[]
  readonly violations: ProtocolViolation[]
}

export function lonePeer(options: Partial<RpcPeerOptions> = {}): LonePeer {
  let messages: unknown[] = []
  const violations: ProtocolViolation[] = []
  const peer = new RpcPeer({
    send: (message) => messages.push(decode(message)),
    onViolation: (violation) => violations.push(violation),
    ...options,
  })
  return {
    peer,
    sent() {
      const sent = messages as Record<string, unknown>[]
      messages = []
      return sent
    },
    violations,
  }
}

/** Two peers; messages arrive in later turns, as over a socket. A violation on either side throws. */
export function rpcPair(options: Partial<RpcPeerOptions> = {}): { readonly near: RpcPeer; readonly far: RpcPeer } {
  const fail = (violation: ProtocolViolation): never => {
    throw violation
  }
  const to = (target: () => RpcPeer) => (message: Buffer) => {
    const value = decode(message)
    queueMicrotask(() => target().receive(value))
  }
  const near: RpcPeer = new RpcPeer({ send: to(() => far), onViolation: fail, ...options })
  const far: RpcPeer = new RpcPeer({ send: to(() => near), onViolation: fail, ...options })
  return { near, far }
}

/** Lets everything happen that is already under way. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
