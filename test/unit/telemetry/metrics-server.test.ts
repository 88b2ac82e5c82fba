import { request, type IncomingHttpHeaders } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InvalidOptionsError, InvalidStateError } from '../../../src/errors.js'
import { MetricsEndpoint } from '../../../src/sandbox/metrics-endpoint.js'
import { addGauge, count } from '../../../src/telemetry/index.js'
import { parseExposition } from '../../helpers/exposition.js'
import { rejection } from '../../helpers/sandboxes.js'

let endpoint: MetricsEndpoint
beforeEach(async () => void (endpoint = await MetricsEndpoint.open({ port: 0 })))
afterEach(() => endpoint.close())

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function ask(method: string, path = '/metrics', headers: Record<string, string> = {}): Promise<Answer> {
  const { hostname, port } = new URL(endpoint.url)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, headers: response.headers, body }), reject)
    })
    sent.once('error', reject).end()
  })
}

/** A connection that sends `bytes` and then waits. @returns all that came until it was closed, and how long that took */
async function rawly(
  bytes: string,
  onOpen: (socket: Socket) => void = () => undefined,
  port = Number(new URL(endpoint.url).port),
) {
  const started = performance.now()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(bytes)
  onOpen(socket)
  const received = await text(socket).catch(() => '')
  return { received, durationMs: performance.now() - started }
}

describe('the endpoint', () => {
  it('listens on loopback and serves what was counted', async () => {
    expect(endpoint.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    count('container_sandbox.sandbox.ends', 1, { reason: 'killed' })
    const { status, headers, body } = await ask('GET')
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const killed = parseExposition(body)
      .get('container_sandbox_sandbox_ends_total')
      ?.samples.find(({ labels }) => labels['reason'] === 'killed')
    expect(killed?.value).toBe(1)
  })

  it('answers HEAD with the same head', async () => {
    const { status, headers, body } = await ask('HEAD')
    expect([status, body]).toEqual([200, ''])
    expect(Number(headers['content-length'])).toBeGreaterThan(1_000)
  })

  it.each(['/', '/metrics/', '/metrics/x', '/METRICS', '//metrics', '/x/../metrics', '/%6detrics'])(
    'has nothing on %s',
    async (path) => {
      expect(await ask('GET', path)).toMatchObject({ status: 404, body: '' })
    },
  )

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('refuses %s', async (method) => {
    const { status, headers, body } = await ask(method)
    expect([status, headers['allow'], body]).toEqual([405, 'GET, HEAD', ''])
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })

  it('lets no page of another origin read it', async () => {
    const { headers } = await ask('GET', '/metrics', { Origin: 'http://evil.example' })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    expect(await ask('GET', '/metrics', { Host: 'evil.example:9464' })).toMatchObject({ status: 421, body: '' })
    for (const host of ['localhost:9464', '127.0.0.1', '[::1]:9464'])
      expect(await ask('GET', '/metrics', { Host: host })).toMatchObject({ status: 200 })
  })

  it('takes a loopback address that is written as one of IPv6 for one', async () => {
    await using other = await MetricsEndpoint.open({ host: '::ffff:127.0.0.1', port: 0 })
    const asked = (host: string) =>
      rawly(`GET /metrics HTTP/1.0\r\nHost: ${host}\r\n\r\n`, undefined, Number(new URL(other.url).port))
    expect((await asked('evil.example')).received).toMatch(/^HTTP\/1\.1 421 /)
    expect((await asked('localhost')).received).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('takes a query', async () => {
    expect(await ask('GET', '/metrics?x=1')).toMatchObject({ status: 200 })
  })
})

describe('a client', () => {
  it('with a large head is refused', async () => {
    const { received } = await rawly(`GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(received).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('that is slow or silent is let go, however many there are', async () => {
    const drip = (socket: Socket) => {
      const timer = setInterval(() => socket.write('X-A: b\r\n'), 500)
      socket.once('close', () => clearInterval(timer))
    }
    const slow = rawly('GET /metrics HTTP/1.1\r\nHost: localhost\r\n', drip)
    const silent = Array.from({ length: 40 }, () => rawly(''))
    const ends = await Promise.all([slow, ...silent])
    for (const { durationMs } of ends) expect(durationMs).toBeLessThan(15_000)
    // 16 have a place, the slow one among them, and are let go when they have used it up.
    const kept = ends.filter(({ durationMs }) => durationMs > 3_000)
    expect([kept.length, kept[0]]).toEqual([16, await slow])
    expect((await ask('GET')).status).toBe(200)
  })

  it('that asks often at once has the numbers read once', async () => {
    let reads = 0
    const end = addGauge('container_sandbox.queue.waiting', () => [{ value: (reads += 1) }])
    const question = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n'
    const { received } = await rawly(`${question}\r\n`.repeat(300) + `${question}Connection: close\r\n\r\n`)
    end()
    expect(received.split('HTTP/1.1 200 OK')).toHaveLength(302)
    expect(reads).toBeLessThan(10)
  })

  it('that sends a body is not listened to', async () => {
    const head = 'POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n'
    const { received } = await rawly(head, (socket) => socket.write('x'.repeat(100_000)))
    expect(received === '' || received.startsWith('HTTP/1.1 405 ')).toBe(true)
  })
})

describe('opening', () => {
  it('a port that is taken fails with what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const error = await rejection(MetricsEndpoint.open({ port }))
    taken.close()
    expect(error).toBeInstanceOf(InvalidStateError)
    expect((error as Error).message).toContain(`port ${port}: EADDRINUSE, another program listens there`)
  })

  it('an address of another host fails', async () => {
    const error = await rejection(MetricsEndpoint.open({ host: '192.0.2.1', port: 0 }))
    expect(error).toMatchObject({ code: 'ERR_INVALID_STATE', details: { code: 'EADDRNOTAVAIL' } })
  })

  it.each([
    { port: -1 },
    { port: 65_536 },
    { port: '9464' },
    { host: 'example.com' },
    { host: '' },
    { path: 'metrics' },
    { path: '/a?b' },
    { path: '/a b' },
    { cors: true },
  ])('with %j fails', async (options) => {
    expect(await rejection(MetricsEndpoint.open(options as never))).toBeInstanceOf(InvalidOptionsError)
  })

  it('another path and address', async () => {
    await using other = await MetricsEndpoint.open({ host: '::1', port: 0, path: '/x/y' })
    expect(other.url).toMatch(/^http:\/\/\[::1\]:\d+\/x\/y$/)
    expect((await fetch(other.url)).status).toBe(200)
  })

  it('and closing drops connections, also such as were left open', async () => {
    const open = rawly('')
    await ask('GET')
    await endpoint.close()
    await endpoint.close()
    expect((await open).durationMs).toBeLessThan(4_000)
    await expect(ask('GET')).rejects.toThrow()
  })
})
