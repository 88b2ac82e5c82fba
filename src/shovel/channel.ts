/** Reading and writing descriptors without a needless copy, allocation or system call. */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { GatheringTransport } from '../protocol/gathering-transport.js'

/** So much may wait in the process for the pipe before data is held back; control messages still go through. */
const HIGH_WATER_BYTES = 128 * 1024

/** The kernel's own capacity of a pipe (pipe(7)). */
const READ_BYTES = 65_536

/** Shorter reads are copied, so that a few bytes that are kept do not hold a whole read buffer. */
const COPY_BELOW_BYTES = 16_384

/**
 * Opens the transport of frames on a descriptor.
 * @param fd a pipe or a socket.
 * @param events `onDrain`: more may be written after it was full. `onClosed`: nobody reads any more.
 */
export function openTransport(
  fd: number,
  events: { readonly onDrain: () => void; readonly onClosed: () => void },
): GatheringTransport {
  const options = { fd, readable: false, writable: true, writableHighWaterMark: HIGH_WATER_BYTES }
  const socket = new Socket(options)
  const transport = new GatheringTransport(socket)
  socket.on('drain', () => {
    transport.drained()
    events.onDrain()
  })
  socket.on('error', events.onClosed)
  socket.on('close', events.onClosed)
  return transport
}

/** Reads a descriptor. `onEnd` is called at its end or on an error. */
export function readDescriptor(fd: number, onChunk: (chunk: Buffer) => void, onEnd: () => void): void {
  let buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const take = (length: number): Buffer => {
    const chunk = buffer.subarray(0, length)
    if (length < COPY_BELOW_BYTES) return Buffer.from(chunk)
    buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    return chunk
  }
  const callback = (length: number): boolean => {
    onChunk(take(length))
    return true
  }
  // With `onread` each read goes into a buffer of ours; without, Node allocates one for every read.
  const onread = { buffer: () => buffer, callback }
  const options: SocketConstructorOpts & { onread: typeof onread } = { fd, readable: true, writable: false, onread }
  const socket = new Socket(options)
  socket.on('error', onEnd)
  socket.on('end', onEnd)
}
