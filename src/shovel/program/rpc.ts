/** The global `rpc` of a program. */
import type { RpcPeer } from '../../protocol/rpc-peer.js'

/** The program's view of the peer; the names that start with `$/` are ours. */
export function createRpc(peer: RpcPeer) {
  const own = (name: unknown) => {
    if (typeof name === 'string' && name.startsWith('$/')) throw new TypeError(`The name '${name}' is reserved`)
  }
  return Object.freeze({
    expose: (...args: Parameters<RpcPeer['expose']>) => (own(args[0]), peer.expose(...args)),
    exposeObject: (...args: Parameters<RpcPeer['exposeObject']>) => peer.exposeObject(...args),
    unexpose: (...args: Parameters<RpcPeer['unexpose']>) => (own(args[0]), peer.unexpose(...args)),
    call: (...args: Parameters<RpcPeer['call']>) => peer.call(...args),
    notify: (...args: Parameters<RpcPeer['notify']>) => peer.notify(...args),
  })
}
