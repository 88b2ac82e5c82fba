/**
 * The raw floor: what dockerode alone needs for the same thing on the same engine, with the same image and host options.
 *
 * The host options of the floor are those of a real sandbox, read back from the engine, so that neither side gets a
 * cheaper container.
 */
import Docker from 'dockerode'

export const docker = new Docker()

const NODE = ['/.sandbox/lib/ld.so', '--inhibit-cache', '--library-path', '/.sandbox/lib', '/.sandbox/bin/node']

/** Copies what a sandbox's container was created with. */
export async function likeSandbox(containerId) {
  const { Config, HostConfig, Image } = await docker.getContainer(containerId).inspect()
  const { User, NetworkDisabled } = Config
  return { Image, User, NetworkDisabled, HostConfig: { ...HostConfig, ContainerIDFile: undefined } }
}

/** Creates, attaches and starts a container; the stream is the hijacked socket with the engine's framing on it. */
export async function startRaw(like, argv, { writableRoot = false } = {}) {
  const container = await docker.createContainer({
    ...like,
    Entrypoint: argv,
    Cmd: [],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    HostConfig: { ...like.HostConfig, ReadonlyRootfs: !writableRoot },
    Labels: { 'container-sandbox-bench': '1' },
  })
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true })
  await container.start()
  return { container, stream }
}

export const nodeArgv = (script) => [...NODE, '-e', script]

export async function remove(raw) {
  raw.stream.destroy()
  await raw.container.remove({ force: true })
}

/** A container whose node echoes every byte of its stdin. */
export async function startEcho(like) {
  const raw = await startRaw(
    like,
    nodeArgv("process.stdin.on('data', (d) => process.stdout.write(d)); process.stdout.write('!')"),
  )
  await new Promise((resolve) => raw.stream.once('data', resolve))
  return {
    ...raw,
    roundTrip() {
      return new Promise((resolve) => {
        raw.stream.once('data', resolve)
        raw.stream.write('x')
      })
    },
  }
}

/** The engine's framing: eight bytes before each piece. Counts payload without keeping it. */
export function countPayload(stream, onBytes) {
  let skip = 0
  let header = Buffer.alloc(0)
  stream.on('data', (chunk) => {
    let offset = 0
    while (offset < chunk.length) {
      if (skip > 0) {
        const taken = Math.min(skip, chunk.length - offset)
        skip -= taken
        offset += taken
        onBytes(taken)
        continue
      }
      const need = 8 - header.length
      header = Buffer.concat([header, chunk.subarray(offset, offset + need)])
      offset = Math.min(chunk.length, offset + need)
      if (header.length < 8) return
      skip = header.readUInt32BE(4)
      header = Buffer.alloc(0)
    }
  })
}
