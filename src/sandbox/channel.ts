/**
 * The host's end of the channel: frames over the container's attached stdio, the control peer on stream 0.
 *
 * Everything that arrives here is hostile. The first thing that the protocol does not allow closes the channel with a
 * `ProtocolError`; after that nothing is read any more.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Readable, Writable } from 'node:stream'
import { CapacityError, ProtocolError } from '../errors.js'
import {
  MAX_STREAMS,
  GatheringTransport,
  MessageDecoder,
  Multiplexer,
  ProtocolViolation,
  RpcPeer,
  type SignalParams,
} from '../protocol/index.js'
import type { ContainerHandle } from '../driver/driver.js'
import { openReadable, openWritable } from './streams.js'

/** Who is told when the guest breaks the channel, or when it ends. */
export interface ChannelHooks {
  /** The guest broke the protocol. Called at most once. */
  onViolation(error: ProtocolError): void
  /** The container's stdout ended. This is not yet the container's end. */
  onEnd(): void
}

/** The frames of one container, with everything that speaks through them. */
export interface Channel {
  readonly multiplexer: Multiplexer
  /** Calls to the supervisor, and its notifications to us. */
  readonly control: RpcPeer
  /**
   * Asks the supervisor for something that comes with streams, which are opened by the caller right after. Throws at once
   * when the request does not go out: closing a stream that the other side never heard of would break the protocol.
   * @throws {CapacityError} when too many calls are pending or streams open. The error of {@link close}.
   */
  request(method: string, params: object, streams: number): Promise<unknown>
  /** What the guest sends on a stream. Fails with the error of {@link close} when the end did not come before. */
  openReadable(id: number): Readable
  /** Bytes to the guest on a stream. */
  openWritable(id: number): Writable
  /**
   * Sends a signal, as a notification: nobody waits for an answer, and it goes out also when calls are at their cap. In a
   * sandbox that has ended it reaches nothing.
   */
  signal(params: SignalParams): void
  /** Ends the conversation for a violation that was found elsewhere, for example on the program's stream. */
  fail(violation: ProtocolViolation): void
  /** Runs a piece of code that handles guest data; a violation in it ends the channel. */
  guard(handle: () => void): void
  /** Ends everything that is pending: calls and streams fail with `error`. */
  close(error: Error): void
}

/** Opens the channel on a container that was just started. */
export function openChannel(container: ContainerHandle, hooks: ChannelHooks): Channel {
  let open = true
  const fail = (violation: ProtocolViolation): void => {
    if (!open) return
    open = false
    container.output.destroy()
    hooks.onViolation(new ProtocolError(`the sandbox broke the protocol: ${violation.message}`, { cause: violation }))
  }
  const guard = (handle: () => void): void => {
    try {
      handle()
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      fail(error)
    }
  }
  const transport = new GatheringTransport(container.input)
  const multiplexer = new Multiplexer(transport, {
    onViolation: fail,
    onControl: (chunk) => guard(() => decoder.push(chunk)),
  })
  const control = new RpcPeer({
    send: (message) => multiplexer.sendControl(message),
    onViolation: fail,
    queuedBytes: () => multiplexer.queuedControlBytes,
  })
  const decoder = new MessageDecoder((value, cost) => control.receive(value, cost))

  container.input.on('drain', () => {
    transport.drained()
    multiplexer.drained()
  })
  container.input.on('error', () => undefined)
  container.output.on('error', () => undefined)
  // A connection tells of its bytes within the request that opened it, which is over. What the guest asks for later belongs to
  // whoever opened the channel.
  const receive = AsyncResource.bind((chunk: Buffer) => {
    if (open) guard(() => multiplexer.receive(chunk))
  })
  container.output.on('data', receive)
  container.output.on('close', () => hooks.onEnd())

  /** Those that the end of the channel cuts off. */
  const streams = new Set<Readable | Writable>()
  const track = <S extends Readable | Writable>(stream: S): S => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    return stream
  }

  return {
    multiplexer,
    control,
    request(method, params, count) {
      if (multiplexer.openStreams + count > MAX_STREAMS) {
        throw new CapacityError(`${MAX_STREAMS} streams are open in this sandbox: end some commands or transfers first`)
      }
      return control.request(method, params)
    },
    openReadable(id) {
      const stream: Readable = openReadable(multiplexer, id, () => streams.delete(stream))
      return track(stream)
    },
    openWritable: (id) => track(openWritable(multiplexer, id)),
    signal(params) {
      if (!open) return
      try {
        control.notify('signal', params)
      } catch {
        // The supervisor has not read for 64 MiB: it is stuck, and its lockup ends the sandbox.
      }
    },
    fail,
    guard,
    close(error) {
      open = false
      control.close(error)
      multiplexer.destroy()
      for (const stream of streams) stream.destroy(error)
      streams.clear()
    },
  }
}
