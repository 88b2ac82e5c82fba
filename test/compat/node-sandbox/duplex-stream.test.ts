import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DuplexStream } from '../../../src/compat/node-sandbox/index.js'
import { socketPair } from './socket-pair.js'

let sockets: Socket[] = []
beforeEach(async () => {
  sockets = [...(await socketPair()), ...(await socketPair())]
})
afterEach(() => sockets.forEach((socket) => socket.destroy()))

const socket = (index: number): Socket => sockets[index] as Socket

describe('a pair of sockets', () => {
  it('NS-T23 pipes from the first to the second', async () => {
    socket(0).end('there')
    expect(String((await once(socket(1), 'data'))[0])).toBe('there')
    socket(1).resume()
    await once(socket(1), 'end')
  })

  it('NS-T24 pipes from the second to the first', async () => {
    socket(1).end('back')
    expect(String((await once(socket(0), 'data'))[0])).toBe('back')
  })
})

describe('DuplexStream', () => {
  it('NS-T1 hands out what is written to the read socket, and its end', async () => {
    const stream = new DuplexStream(socket(1), socket(2))
    const end = once(stream, 'end')
    socket(0).end('Hello, world')
    stream.setEncoding('utf8')
    expect((await once(stream, 'data'))[0]).toBe('Hello, world')
    await end
  })

  it('NS-T2 hands on write() and end() to the write socket', async () => {
    const stream = new DuplexStream(socket(1), socket(2))
    stream.write('one ')
    stream.end('two')
    let text = ''
    socket(3).on('data', (chunk) => (text += String(chunk)))
    await once(socket(3), 'end')
    expect(text).toBe('one two')
  })

  it('keeps what came before anybody listened', async () => {
    const stream = new DuplexStream(socket(1), socket(2))
    socket(0).write('early')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(String((await once(stream, 'data'))[0])).toBe('early')
  })

  it('NS-D5 survives errors that nobody listens for, and hands them to who does', async () => {
    const stream = new DuplexStream(socket(1), socket(2))
    socket(2).emit('error', new Error('EPIPE'))
    const heard = once(stream, 'error')
    socket(1).emit('error', new Error('ECONNRESET'))
    // `once` rejects for an `error` unless that is what it waits for.
    expect(await heard).toEqual([new Error('ECONNRESET')])
  })
})
