/**
 * The host's end of the channel: frames over the container's attached stdio, the control peer on stream 0.
 *
 * Everything that arrives here is hostile. The first thing that the protocol does not allow closes the channel with a
 * `ProtocolError`; after that nothing is read any more.
 */
import { ProtocolError } from '../errors.js'
import { MessageDecoder, Multiplexer, ProtocolViolation, RpcPeer } from '../protocol/index.js'
import type { ContainerHandle } from '../driver/driver.js'

export interface ChannelHooks {
  /** The guest broke the protocol. Called at most once. */
  onViolation(error: ProtocolError): void
  /** The container's stdout ended. This is not yet the container's end. */
  onEnd(): void
}

export interface Channel {
  readonly multiplexer: Multiplexer
  /** Calls to the supervisor, and its notifications to us. */
  readonly control: RpcPeer
  /** Ends the conversation for a violation that was found elsewhere, for example on the program's stream. */
  fail(violation: ProtocolViolation): void
  /** Runs a piece of code that handles guest data; a violation in it ends the channel. */
  guard(handle: () => void): void
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
  const multiplexer = new Multiplexer(
    {
      write(header, payload) {
        if (payload === undefined) return container.input.write(header)
        container.input.cork()
        container.input.write(header)
        const writable = container.input.write(payload)
        container.input.uncork()
        return writable
      },
    },
    { onViolation: fail, onControl: (chunk) => guard(() => decoder.push(chunk)) },
  )
  const control = new RpcPeer({ send: (message) => multiplexer.sendControl(message), onViolation: fail })
  const decoder = new MessageDecoder((value) => control.receive(value))

  container.input.on('drain', () => multiplexer.drained())
  container.input.on('error', () => undefined)
  container.output.on('error', () => undefined)
  container.output.on('data', (chunk: Buffer) => {
    if (open) guard(() => multiplexer.receive(chunk))
  })
  container.output.on('close', () => hooks.onEnd())

  return {
    multiplexer,
    control,
    fail,
    guard,
    close(error) {
      open = false
      control.close(error)
      multiplexer.destroy()
    },
  }
}
