import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { DockerodeClient, type EngineRequest } from '../../../src/driver/docker/engine-client.js'
import { EngineRequestError, EngineUnavailableError } from '../../../src/errors.js'
import { FakeEngine } from '../../helpers/fake-engine.js'

const GET: EngineRequest = { what: 'ask', method: 'GET', path: '/thing' }

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as Error,
  )

async function within(ms: number, promise: Promise<unknown>): Promise<Error | null> {
  const started = performance.now()
  const error = await failureOf(promise)
  expect(performance.now() - started).toBeLessThan(ms)
  return error
}

const answering = (listener: RequestListener) => FakeEngine.http(listener)
const json = (response: ServerResponse, status: number, value: unknown) => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

describe('a request', () => {
  it('speaks the negotiated version, in one connection that is used again', async () => {
    const urls: string[] = []
    await using engine = await answering((request, response) => {
      urls.push(request.url ?? '')
      json(response, 200, { ok: true })
    })
    const client = engine.client()
    expect((await client.connect()).version).toEqual({
      product: 'docker',
      engine: '28.0.0',
      newest: '1.48',
      used: '1.48',
    })
    const query = { a: 1, filters: { label: ['x=y'] } }
    expect(await client.request({ ...GET, query })).toEqual({ ok: true })
    expect(await client.request(GET)).toEqual({ ok: true })
    expect(urls).toEqual([`/v1.48/thing?a=1&filters=${encodeURIComponent('{"label":["x=y"]}')}`, '/v1.48/thing'])
    expect(engine.connections).toBe(1)
    client.close()
  })

  it('sends a body as JSON and nothing of it in the URL', async () => {
    const seen: { url: string | undefined; body: string }[] = []
    await using engine = await answering((request, response) => {
      void text(request).then((body) => {
        seen.push({ url: request.url, body })
        json(response, 201, { Id: '1' })
      })
    })
    const client = engine.client()
    const body = { Image: 'x', big: 'y'.repeat(200_000) }
    await client.request({ what: 'create', method: 'POST', path: '/containers/create', query: { name: 'n' }, body })
    expect(seen).toEqual([{ url: '/v1.48/containers/create?name=n', body: JSON.stringify(body) }])
    client.close()
  })

  it('has null for an answer without a body', async () => {
    await using engine = await answering((_request, response) => void response.writeHead(204).end())
    const client = engine.client()
    expect(await client.request({ ...GET, method: 'DELETE' })).toBeNull()
    client.close()
  })

  it('that is refused has the status and the engine’s words, cut', async () => {
    await using engine = await answering((request, response) => {
      if (request.url === '/v1.48/huge') response.writeHead(500).end('x'.repeat(3_000_000))
      else json(response, 409, { message: 'conflict' })
    })
    const client = engine.client()
    const conflict = await failureOf(client.request(GET))
    expect(conflict).toBeInstanceOf(EngineRequestError)
    expect(conflict).toMatchObject({
      message: 'The engine refused to ask: conflict (HTTP 409).',
      details: { statusCode: 409 },
    })
    const huge = await failureOf(client.stream({ ...GET, path: '/huge' }))
    expect(huge?.message.length).toBeLessThan(2_000)
    client.close()
  })
})

describe('an engine that does not answer', () => {
  it('because it is stopped: the deadline ends the request', async () => {
    await using engine = await FakeEngine.raw(() => undefined)
    const client = engine.client(300)
    const error = await within(2_000, client.request(GET))
    expect(error).toBeInstanceOf(EngineUnavailableError)
    expect(error?.message).toMatch(/did not answer within 300 ms/)
    client.close()
  })

  it('after the head of its answer: the deadline ends the request', async () => {
    await using engine = await answering((_request, response) => void response.writeHead(200).write('{"a":'))
    const client = engine.client(300)
    expect(await within(2_000, client.request(GET))).toMatchObject({ details: { code: 'ETIMEDOUT' } })
    client.close()
  })

  it('any more, in the middle of an answer: no deadline is needed', async () => {
    await using engine = await answering((_request, response) => {
      response.writeHead(200).write('{"a":')
      setTimeout(() => response.destroy(), 50)
    })
    const client = engine.client()
    const error = await within(2_000, client.request({ ...GET, timeoutMs: null }))
    expect(error).toBeInstanceOf(EngineUnavailableError)
    client.close()
  })

  it('and closes the connection at once', async () => {
    await using engine = await FakeEngine.raw((socket) => void socket.destroy())
    const client = engine.client()
    expect(await within(2_000, client.request(GET))).toBeInstanceOf(EngineUnavailableError)
    client.close()
  })

  it('because there is no socket', async () => {
    const client = new DockerodeClient(() =>
      Promise.resolve({ kind: 'unix', socketPath: '/nowhere.sock', origin: 'a test' }),
    )
    expect(await failureOf(client.request(GET))).toMatchObject({
      code: 'ERR_ENGINE_UNAVAILABLE',
      details: { code: 'ENOENT' },
    })
  })

  it('now, but later does', async () => {
    let isUp = false
    await using engine = await FakeEngine.http((_request, response) => json(response, 200, { ok: true }))
    const { socketPath } = engine
    const client = new DockerodeClient(() =>
      Promise.resolve({ kind: 'unix', socketPath: isUp ? socketPath : '/nowhere.sock', origin: 'a test' }),
    )
    expect(await failureOf(client.request(GET))).toBeInstanceOf(EngineUnavailableError)
    isUp = true
    client.close()
    expect(await client.request(GET)).toEqual({ ok: true })
    client.close()
  })
})

it.each([
  ['HTML', (response: ServerResponse) => void response.end('<html>hello</html>')],
  ['404', (response: ServerResponse) => void response.writeHead(404).end('no')],
  ['an old engine', (response: ServerResponse) => json(response, 200, { Version: '18.09', ApiVersion: '1.39' })],
])('what is no usable engine is refused: %s', async (_name, answer) => {
  await using engine = await FakeEngine.raw((socket) => respond(socket, answer))
  const client = engine.client()
  const error = await failureOf(client.request(GET))
  expect(error).toBeInstanceOf(EngineUnavailableError)
  expect(error?.message).toMatch(/no container engine|too old/)
  client.close()
})

describe('an abort', () => {
  it('before the request: nothing is sent', async () => {
    let requests = 0
    await using engine = await answering((_request, response) => {
      requests += 1
      json(response, 200, {})
    })
    const client = engine.client()
    await client.connect()
    const reason = new Error('enough')
    expect(await failureOf(client.request({ ...GET, signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(requests).toBe(0)
    client.close()
  })

  it('during the request: the engine sees the connection close', async () => {
    let isClosed = false
    await using engine = await answering((request) => void request.on('close', () => (isClosed = true)))
    const client = engine.client()
    await client.connect()
    const controller = new AbortController()
    const pending = failureOf(client.request({ ...GET, signal: controller.signal }))
    await delay(50)
    controller.abort(new Error('enough'))
    expect((await pending)?.message).toBe('enough')
    await expect.poll(() => isClosed).toBe(true)
    client.close()
  })

  it('while a stream arrives: the stream breaks', async () => {
    await using engine = await answering((_request, response) => void response.writeHead(200).write('part'))
    const client = engine.client()
    const controller = new AbortController()
    const stream = await client.stream({ ...GET, signal: controller.signal })
    const reading = within(1_000, text(stream))
    controller.abort(new Error('enough'))
    expect(await reading).not.toBeNull()
    client.close()
  })
})

it('a hijacked request has no body, so that the first byte on stdin is ours', async () => {
  const heard: Buffer[] = []
  await using engine = await FakeEngine.raw((socket) => {
    let isUpgraded = false
    socket.on('data', (chunk: Buffer) => {
      const words = chunk.toString()
      if (words.startsWith('GET /version')) return respond(socket, (response) => json(response, 200, VERSION), chunk)
      heard.push(chunk)
      if (isUpgraded || !words.includes('\r\n\r\n')) return
      isUpgraded = true
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly')
    })
  })
  const client = engine.client()
  const socket = await client.hijack({ what: 'attach', method: 'POST', path: '/attach', query: { stdin: true } })
  await delay(100)
  socket.write('mine')
  await expect.poll(() => Buffer.concat(heard).toString()).toMatch(/mine$/)
  const [head, rest] = Buffer.concat(heard).toString().split('\r\n\r\n')
  expect(head).toMatch(/^POST \/v1\.48\/attach\?stdin=true HTTP\/1\.1\r\n/)
  expect(head).toMatch(/Content-Length: 0/)
  expect(head).not.toMatch(/Transfer-Encoding/i)
  expect(rest).toBe('mine')
  expect(String(socket.read())).toBe('early')
  socket.destroy()
  client.close()
})

it('a stream as body is sent on and destroyed when the engine refuses', async () => {
  await using engine = await answering((request: IncomingMessage, response) => {
    void text(request).then((body) => json(response, 200, { length: body.length }))
  })
  const client = engine.client()
  const body = Readable.from([Buffer.alloc(70_000), Buffer.alloc(70_000)])
  expect(await client.request({ ...GET, method: 'POST', body })).toEqual({ length: 140_000 })
  client.close()
})

const VERSION = { Version: '28.0.0', ApiVersion: '1.48' }

/** Answers one HTTP request on a raw connection. */
function respond(socket: Socket, answer: (response: ServerResponse) => void, already?: Buffer): void {
  const reply = (): void => {
    const parts: string[] = []
    const fake = {
      writeHead(status: number) {
        parts.push(`HTTP/1.1 ${status} X\r\n`)
        return fake
      },
      end(body = '') {
        const head = parts[0] ?? 'HTTP/1.1 200 OK\r\n'
        socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
      },
    }
    answer(fake as unknown as ServerResponse)
  }
  if (already === undefined) socket.once('data', reply)
  else reply()
}
