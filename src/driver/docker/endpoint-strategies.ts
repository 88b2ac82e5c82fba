/** The places that can name an engine, in the order in which they are asked. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineUnavailableError } from '../../errors.js'
import { readCurrentContext, readDockerContext } from './docker-context.js'
import { parseEndpointAddress, readTlsMaterial } from './endpoint-address.js'
import type { EndpointStrategy, EndpointSurroundings, StrategyResult } from './endpoint-types.js'

/** The option `host` of the driver. */
const explicitHost: EndpointStrategy = {
  name: 'option host',
  async find(options) {
    if (options.host === null) return { tried: [] }
    const tls = options.certPath === null ? null : await readTlsMaterial(options.certPath, "the option 'certPath'")
    return { endpoint: parseEndpointAddress(options.host, tls, "the option 'host'") }
  },
}

/** The option `context` of the driver. */
const explicitContext: EndpointStrategy = {
  name: 'option context',
  find: async (options, surroundings) =>
    options.context === null ? { tried: [] } : useContext(options.context, "the option 'context'", surroundings),
}

/** `DOCKER_HOST`, with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`. */
const dockerHost: EndpointStrategy = {
  name: 'DOCKER_HOST',
  async find(_options, { env, home }) {
    if (!env.DOCKER_HOST) return { tried: ['DOCKER_HOST (not set)'] }
    const usesTls = Boolean(env.DOCKER_TLS_VERIFY) || env.DOCKER_HOST.startsWith('https:')
    const folder = env.DOCKER_CERT_PATH || env.DOCKER_CONFIG || join(home, '.docker')
    const tls = usesTls ? await readTlsMaterial(folder, 'DOCKER_CERT_PATH') : null
    // Like the docker command: an address without a scheme is tcp.
    const address = /^[a-z]+:\/\/|^\//.test(env.DOCKER_HOST) ? env.DOCKER_HOST : `tcp://${env.DOCKER_HOST}`
    return { endpoint: parseEndpointAddress(address, tls, 'DOCKER_HOST') }
  },
}

/** `DOCKER_CONTEXT`, then `currentContext` of docker's configuration file. */
const currentContext: EndpointStrategy = {
  name: 'docker context',
  async find(_options, surroundings) {
    if (surroundings.env.DOCKER_CONTEXT) {
      return useContext(surroundings.env.DOCKER_CONTEXT, 'DOCKER_CONTEXT', surroundings)
    }
    const name = await readCurrentContext(surroundings)
    return name === null
      ? { tried: ['docker context (none is current)'] }
      : useContext(name, 'currentContext of docker’s config.json', surroundings)
  },
}

/** The usual sockets: the system's engine, then rootless Docker, then Podman. The first that may be opened is taken. */
const usualSockets: EndpointStrategy = {
  name: 'usual sockets',
  async find(_options, surroundings) {
    const tried: string[] = []
    let denied: string | null = null
    for (const socketPath of usualSocketPaths(surroundings)) {
      const code = await accessFailure(socketPath)
      if (code === null) return { endpoint: { kind: 'unix', socketPath, origin: 'the usual sockets' } }
      if (code === 'EACCES' && denied === null) denied = socketPath
      tried.push(`${socketPath} (${code === 'EACCES' ? 'permission denied' : code === 'ENOENT' ? 'not there' : code})`)
    }
    if (denied === null) return { tried }
    throw new EngineUnavailableError(
      `${denied}: permission denied. Add the user to the group docker (\`usermod -aG docker <user>\`, then log in again) ` +
        `or use a rootless engine. Tried: ${tried.join('; ')}.`,
      { details: { code: 'EACCES', tried } },
    )
  },
}

/** In the order of precedence; the same as that of the `docker` command, then the sockets that it does not look for. */
export const ENDPOINT_STRATEGIES: readonly EndpointStrategy[] = [
  explicitHost,
  explicitContext,
  dockerHost,
  currentContext,
  usualSockets,
]

function usualSocketPaths({ env, uid, systemSocket }: EndpointSurroundings): string[] {
  const runtimeFolder = env.XDG_RUNTIME_DIR || `/run/user/${uid}`
  const podmanSystem = uid === 0 ? ['/run/podman/podman.sock'] : []
  return [systemSocket, join(runtimeFolder, 'docker.sock'), join(runtimeFolder, 'podman/podman.sock'), ...podmanSystem]
}

async function accessFailure(path: string): Promise<string | null> {
  try {
    await access(path, constants.R_OK | constants.W_OK)
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable'
  }
}

async function useContext(name: string, origin: string, surroundings: EndpointSurroundings): Promise<StrategyResult> {
  // The context `default` is no file: it means the environment and the usual sockets.
  if (name === 'default') return { tried: [`${origin} (names the context 'default')`] }
  const { address, tls } = await readDockerContext(name, origin, surroundings)
  return { endpoint: parseEndpointAddress(address, tls, `docker context '${name}'`) }
}
