/** Protection: a network namespace with nothing but a loopback interface that leads nowhere. */
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProbeLab, type Weaken } from '../helpers/probe-lab.js'

const ENETUNREACH = 101
const ECONNREFUSED = 111

let lab: ProbeLab
const abstract = `container-sandbox-test-${process.pid}`
const hostServer = createServer((socket) => socket.end())
const abstractServer = createServer((socket) => socket.end())
let port: number

beforeAll(async () => {
  lab = await ProbeLab.open()
  await new Promise<void>((resolve) => hostServer.listen(0, '127.0.0.1', resolve))
  await new Promise<void>((resolve) => abstractServer.listen(`\0${abstract}`, resolve))
  port = (hostServer.address() as { port: number }).port
})
afterAll(async () => {
  await Promise.all([hostServer, abstractServer].map((server) => new Promise((resolve) => server.close(resolve))))
  await lab[Symbol.asyncDispose]()
})

/** The engine's words for the host's own network, which the options refuse. */
const hostNetwork: Weaken = (body) => {
  body.HostConfig.NetworkMode = 'host'
  Object.assign(body, { NetworkDisabled: false, Hostname: undefined })
}

const attempts = () => [
  '169.254.169.254:80',
  '8.8.8.8:53',
  '172.17.0.1:80',
  '10.0.0.1:443',
  `127.0.0.1:${port}`,
  `@${abstract}`,
]

describe('network none', () => {
  test('no route, no metadata address, no resolver, no neighbour, nothing of the host', async () => {
    const { lines } = await lab.run(['network', ...attempts()])
    expect(lines[0]).toBe('routes 0')
    expect(lines.slice(1).map((line) => Number(line.split(' ')[1]))).toEqual([
      ENETUNREACH,
      ENETUNREACH,
      ENETUNREACH,
      ENETUNREACH,
      ECONNREFUSED,
      ECONNREFUSED,
    ])
  })

  test('on the host’s network the loopback server and the abstract socket answer', async () => {
    const { lines } = await lab.run(['network', ...attempts()], { weaken: hostNetwork })
    expect(lines.slice(-2).map((line) => Number(line.split(' ')[1]))).toEqual([0, 0])
  })

  test('the resolver’s file and the hosts file are empty', async () => {
    const { lines } = await lab.run(['files', 'r:/etc/resolv.conf', 'r:/etc/hosts'])
    expect(lines).toEqual(['0 0 0', '1 0 0'])
  })
})
