/** Node streams on top of the multiplexer's flow-controlled streams. */
import { Readable, Writable } from 'node:stream'
import { ResetCode, type Multiplexer } from '../protocol/index.js'

/** The guest gave up a stream that it was sending. */
export class GuestResetError extends Error {
  constructor(code: number) {
    super(`the guest closed the stream early (code ${code})`)
  }
}

/**
 * A `Readable` of what the guest sends on one stream.
 *
 * Bytes count as consumed, and credit goes back, when the reader takes them: a reader that stops reading stops the
 * sender after one window. An `error` without a listener does not end the host process; readers see it as a rejection.
 *
 * @param onComplete - called when everything has arrived, read or not.
 */
export function openReadable(multiplexer: Multiplexer, id: number, onComplete: () => void = () => undefined): Readable {
  let waiting = 0
  const readable = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      if (waiting > 0) {
        const bytes = waiting
        waiting = 0
        receiver.consumed(bytes)
      }
    },
    destroy(error, done) {
      if (!ended) receiver.reset(ResetCode.Canceled)
      done(error)
    },
  })
  readable.on('error', () => undefined)
  let ended = false
  const receiver = multiplexer.openReceiver(id, {
    onData(chunk) {
      if (readable.push(chunk)) receiver.consumed(chunk.length)
      else waiting += chunk.length
    },
    onEnd() {
      ended = true
      onComplete()
      readable.push(null)
    },
    onReset(code) {
      ended = true
      readable.destroy(new GuestResetError(code))
    },
  })
  return readable
}

/**
 * A `Writable` of bytes to the guest on one stream. A write completes when it is within the window, so that a guest
 * that does not read stops the writer.
 */
export function openWritable(multiplexer: Multiplexer, id: number): Writable {
  let closed = false
  let resume: (() => void) | null = null
  const release = (): void => {
    const callback = resume
    resume = null
    callback?.()
  }
  const sender = multiplexer.openSender(id, {
    onWritable: release,
    onReset() {
      // The command closed its stdin or ended. As with a pipe, what is written from now on goes nowhere.
      closed = true
      release()
    },
  })
  const writable = new Writable({
    highWaterMark: 64 * 1024,
    write(chunk: Buffer, _encoding, done) {
      if (closed || sender.write(chunk)) done()
      else resume = done
    },
    final(done) {
      if (!closed) sender.end()
      closed = true
      done()
    },
    destroy(error, done) {
      if (!closed) sender.reset(ResetCode.Canceled)
      closed = true
      release()
      done(error)
    },
  })
  writable.on('error', () => undefined)
  return writable
}
