/** `process.send(message)` of a methods file: a message to the host, which needs no answer. */
import type { RpcPeer } from '../../protocol/rpc-peer.js'

/** Sends as `process.send` of `child_process` does; the last argument may be a function that is called when it is sent. */
export type Send = (message: unknown, ...rest: unknown[]) => boolean

/**
 * What is sent is what JSON makes of the message, as between node's own processes: an `Error` becomes `{}`.
 * @returns a function that throws a `TypeError` for what JSON cannot hold, and the errors of `RpcPeer.notify`.
 */
export function createSend(peer: RpcPeer): Send {
  return (message, ...rest) => {
    const text = JSON.stringify(message)
    if (text === undefined) throw new TypeError(`The message must be a value of JSON, got ${typeof message}`)
    peer.notify('$/message', [JSON.parse(text) as unknown])
    const callback = rest.at(-1)
    if (typeof callback === 'function') queueMicrotask(() => void Reflect.apply(callback, undefined, [null]))
    return true
  }
}
