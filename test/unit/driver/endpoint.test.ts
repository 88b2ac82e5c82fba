import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeEndpoint, discoverEndpoint } from '../../../src/driver/docker/endpoint.js'
import type { EndpointOptions } from '../../../src/driver/docker/endpoint-types.js'
import { EngineUnavailableError, InvalidOptionsError } from '../../../src/errors.js'

const NOTHING: EndpointOptions = { host: null, certPath: null, context: null }

let home: string
let servers: Server[]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'endpoint-'))
  servers = []
})

afterEach(async () => {
  for (const server of servers) server.close()
  await rm(home, { recursive: true, force: true })
})

const find = (env: Record<string, string> = {}, options: Partial<EndpointOptions> = {}) =>
  discoverEndpoint(
    { ...NOTHING, ...options },
    { env: { XDG_RUNTIME_DIR: join(home, 'run'), ...env }, home, uid: 1234, systemSocket: join(home, 'system.sock') },
  )

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true })
  await writeFile(join(home, path), text)
}

async function listen(path: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true })
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(join(home, path), resolve))
}

async function putContext(name: string, endpoint: object, files: Record<string, string> = {}): Promise<void> {
  const key = createHash('sha256').update(name).digest('hex')
  await put(`.docker/contexts/meta/${key}/meta.json`, JSON.stringify({ Name: name, Endpoints: { docker: endpoint } }))
  for (const [file, text] of Object.entries(files)) await put(`.docker/contexts/tls/${key}/docker/${file}`, text)
}

const TLS = { 'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY' }

describe('addresses', () => {
  it.each([
    ['unix:///a/b.sock', 'unix:///a/b.sock'],
    ['/a/b.sock', 'unix:///a/b.sock'],
    ['tcp://10.0.0.1', 'tcp://10.0.0.1:2375'],
    ['tcp://[::1]:99', 'tcp://::1:99'],
    ['10.0.0.1:4243', 'tcp://10.0.0.1:4243'],
    ['http://engine', 'tcp://engine:80'],
    ['https://engine', 'https://engine:443'],
    ['https://engine:2376', 'https://engine:2376'],
    ['ssh://bob@engine', 'ssh://bob@engine'],
    ['ssh://engine:2222', 'ssh://engine:2222'],
  ])('DOCKER_HOST=%s is %s', async (address, expected) => {
    expect(describeEndpoint(await find({ DOCKER_HOST: address }))).toBe(`${expected} (from DOCKER_HOST)`)
  })

  it.each([
    'unix://relative.sock',
    'npipe:////./pipe/docker',
    'fd://3',
    'tcp://',
    'ftp://engine',
    'tcp://bob:secret@engine',
    'ssh://bob:secret@engine',
    'ssh://-oProxyCommand=x/',
    'tcp://engine/path',
  ])('DOCKER_HOST=%s is refused', async (address) => {
    const error = await find({ DOCKER_HOST: address }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect((error as Error).message).toContain('DOCKER_HOST')
    expect((error as Error).message).not.toContain('secret')
  })
})

describe('TLS', () => {
  it('is on with DOCKER_TLS_VERIFY, with the files of DOCKER_CERT_PATH', async () => {
    for (const [file, text] of Object.entries(TLS)) await put(`certs/${file}`, text)
    const env = { DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(home, 'certs') }
    expect(await find(env)).toMatchObject({ port: 2376, tls: { ca: 'CA', cert: 'CERT', key: 'KEY' } })
  })

  it('is off for tcp without DOCKER_TLS_VERIFY', async () => {
    expect(await find({ DOCKER_HOST: 'tcp://engine:2376', DOCKER_CERT_PATH: home })).toMatchObject({ tls: null })
  })

  it('needs certificate and key together', async () => {
    await put('certs/cert.pem', 'CERT')
    const options = { host: 'tcp://engine:2376', certPath: join(home, 'certs') }
    await expect(find({}, options)).rejects.toThrow(/only one of cert.pem and key.pem/)
  })
})

describe('docker contexts', () => {
  it('are named by DOCKER_CONTEXT, with their TLS files', async () => {
    await putContext('remote', { Host: 'tcp://engine:2376' }, TLS)
    expect(await find({ DOCKER_CONTEXT: 'remote' })).toEqual({
      kind: 'tcp',
      host: 'engine',
      port: 2376,
      tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
      origin: "docker context 'remote'",
    })
  })

  it('are named by the configuration file', async () => {
    await put('.docker/config.json', JSON.stringify({ currentContext: 'rootless' }))
    await putContext('rootless', { Host: 'unix:///run/user/1234/docker.sock' })
    expect(await find()).toMatchObject({ kind: 'unix', socketPath: '/run/user/1234/docker.sock' })
  })

  it('are looked up below DOCKER_CONFIG', async () => {
    await put('elsewhere/config.json', JSON.stringify({ currentContext: 'x' }))
    await expect(find({ DOCKER_CONFIG: join(home, 'elsewhere') })).rejects.toThrow(
      /'x', but .*elsewhere.* is not there/,
    )
  })

  it('come after DOCKER_HOST and before the usual sockets', async () => {
    await listen('system.sock')
    await putContext('remote', { Host: 'tcp://engine:1' })
    expect(await find({ DOCKER_CONTEXT: 'remote', DOCKER_HOST: 'unix:///x' })).toMatchObject({ origin: 'DOCKER_HOST' })
    expect(await find({ DOCKER_CONTEXT: 'remote' })).toMatchObject({ kind: 'tcp' })
    expect(await find({ DOCKER_CONTEXT: 'default' })).toMatchObject({ socketPath: join(home, 'system.sock') })
  })

  it('that do not verify the engine are refused', async () => {
    await putContext('loose', { Host: 'tcp://engine:2376', SkipTLSVerify: true })
    await expect(find({}, { context: 'loose' })).rejects.toThrow(/SkipTLSVerify/)
  })

  it('cannot lead out of the folder of contexts', async () => {
    await expect(find({ DOCKER_CONTEXT: '../../../etc/passwd' })).rejects.toThrow(InvalidOptionsError)
  })

  it('a broken configuration file names none', async () => {
    await put('.docker/config.json', '{')
    await listen('system.sock')
    expect(await find()).toMatchObject({ kind: 'unix' })
  })
})

describe('the usual sockets', () => {
  it('are the system’s, then rootless Docker’s, then Podman’s', async () => {
    await listen('run/podman/podman.sock')
    expect(await find()).toMatchObject({ socketPath: join(home, 'run/podman/podman.sock') })
    await listen('run/docker.sock')
    expect(await find()).toMatchObject({ socketPath: join(home, 'run/docker.sock') })
    await listen('system.sock')
    expect(await find()).toMatchObject({ socketPath: join(home, 'system.sock') })
  })

  it('that are not there are all named in the error', async () => {
    const error = (await find().catch((thrown: unknown) => thrown)) as EngineUnavailableError
    expect(error).toBeInstanceOf(EngineUnavailableError)
    for (const tried of [
      'DOCKER_HOST (not set)',
      'docker context (none',
      'system.sock',
      'docker.sock',
      'podman.sock',
    ]) {
      expect(error.message).toContain(tried)
    }
  })
})

it('the option host comes before everything', async () => {
  const endpoint = await find({ DOCKER_HOST: 'tcp://other' }, { host: 'unix:///mine' })
  expect(endpoint).toMatchObject({ socketPath: '/mine', origin: "the option 'host'" })
})
