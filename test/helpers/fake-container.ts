/** A sandbox's host side on a container that is only streams in memory: the test plays the guest, honest or not. */
import { PassThrough } from 'node:stream'
import type { ContainerExit, ContainerHandle, EngineInfo, SandboxDriver } from '../../src/driver/driver.js'
import { parseSandboxOptions, type SandboxOptions } from '../../src/options/index.js'
import type { ContainerSpec } from '../../src/policy/index.js'
import { FrameType } from '../../src/protocol/index.js'
import type { SandboxExitedError } from '../../src/errors.js'
import { Lifecycle } from '../../src/sandbox/lifecycle.js'
import type { SandboxServices } from '../../src/sandbox/services.js'
import { buildMatchingObservation } from '../unit/policy/matching-observation.js'
import { data, message, parseFrames, type Frame } from './wire.js'

export const READY = { protocol: 1, pid: 2, nodeVersion: 'v20.20.0', uid: 200_000, gid: 200_000 }

export class FakeContainer implements ContainerHandle {
  readonly id = 'fake'
  readonly name = 'fake'
  readonly input = new PassThrough({ highWaterMark: 64 * 1024 })
  readonly output = new PassThrough()
  readonly errorOutput = new PassThrough()
  readonly exited: Promise<ContainerExit>
  readonly spec: ContainerSpec
  /** How often the host asked for its end. */
  destroyed = 0
  exit!: (exit?: Partial<ContainerExit>) => void
  #received = Buffer.alloc(0)

  constructor(spec: ContainerSpec) {
    this.spec = spec
    this.exited = new Promise((resolve) => {
      this.exit = (exit = {}) => {
        this.output.end()
        resolve({ exitCode: 0, signal: null, oomKilled: false, cause: 'exited', ...exit })
      }
    })
  }

  observe() {
    return Promise.resolve(buildMatchingObservation(this.spec))
  }

  usage(): Promise<never> {
    return Promise.reject(new Error('a fake container has no usage'))
  }

  destroy(): Promise<void> {
    this.destroyed += 1
    this.exit({ exitCode: 137, signal: 'SIGKILL' })
    return Promise.resolve()
  }

  /** Sends bytes to the host, as the guest's stdout. */
  send(...pieces: Buffer[]): void {
    if (!this.output.writableEnded) this.output.write(Buffer.concat(pieces))
  }

  /** Sends a JSON-RPC message to the host on the control stream. */
  say(json: object, stream = 0): void {
    const text = message(JSON.stringify({ jsonrpc: '2.0', ...json }))
    for (let at = 0; at < text.length; at += 65_536) this.send(data(stream, text.subarray(at, at + 65_536)))
  }

  ready(): void {
    this.say({ method: 'ready', params: READY })
  }

  /** Takes everything that the host sends from now on, and hands over its requests on the control stream. */
  onRequest(handle: (request: { id: number; method: string; params: Record<string, unknown> }) => void): void {
    this.input.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      for (const frame of this.#wholeFrames()) {
        if (frame.type !== FrameType.Data || frame.id !== 0) continue
        const request = JSON.parse(frame.payload.subarray(4).toString()) as { id?: number; method?: string }
        // As over a socket: an answer comes in a later turn.
        if (request.id !== undefined && request.method !== undefined) setImmediate(handle, request as never)
      }
    })
  }

  #wholeFrames(): Frame[] {
    let length = 0
    while (this.#received.length >= length + 8) {
      const next = length + 8 + this.#received.readUIntBE(length + 1, 3)
      if (next > this.#received.length) break
      length = next
    }
    const frames = parseFrames(this.#received.subarray(0, length))
    this.#received = this.#received.subarray(length)
    return frames
  }
}

export interface FakeSandbox {
  readonly lifecycle: Lifecycle
  readonly containers: FakeContainer[]
  readonly events: unknown[]
  /** Identities that were given back. */
  readonly released: () => number
}

/** @param play - what the guest does when its container has started. */
export function fakeSandbox(play: (container: FakeContainer) => void, options: SandboxOptions = {}): FakeSandbox {
  const containers: FakeContainer[] = []
  const events: unknown[] = []
  let released = 0
  const driver = {
    launch(spec: ContainerSpec) {
      const container = new FakeContainer(spec)
      containers.push(container)
      setImmediate(() => play(container))
      return Promise.resolve(container)
    },
  } as unknown as SandboxDriver
  const identity = { name: null, uid: 200_000, gid: 200_000, home: null }
  const services = {
    driver,
    images: {
      ensure: () => Promise.resolve({ reference: 'sha256:1', env: {}, volumes: [], homePaths: [], baseMounts: [] }),
    },
    users: { resolve: () => Promise.resolve({ ...identity, release: () => Promise.resolve(void (released += 1)) }) },
    engine: () => Promise.resolve({ architecture: 'x86_64', local: true } as EngineInfo),
  } as unknown as SandboxServices
  const lifecycle = new Lifecycle('fake', parseSandboxOptions(options), services, {
    ready: () => events.push('ready'),
    exit: (_code, _signal, error: SandboxExitedError) => events.push(error),
    stdout: () => undefined,
    stderr: () => undefined,
    ping: () => undefined,
    lockup: (error) => events.push(error),
    jailbreak: (violation) => events.push(violation),
    message: () => undefined,
    error: (error) => events.push(error),
  })
  return { lifecycle, containers, events, released: () => released }
}
