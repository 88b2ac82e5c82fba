/** Where the engine is. Found by a list of strategies, in the order in which the `docker` command looks. */
import { EngineUnavailableError } from '../../errors.js'
import { ENDPOINT_STRATEGIES } from './endpoint-strategies.js'
import type { EndpointOptions, EndpointSurroundings, EngineEndpoint } from './endpoint-types.js'

/**
 * @returns the first endpoint that a strategy finds; whether an engine answers there is not known yet
 * @throws {InvalidOptionsError} when an option or variable names an endpoint that cannot be used
 * @throws {EngineUnavailableError} when nobody names one and no usual socket is there; the message lists what was tried
 */
export async function discoverEndpoint(
  options: EndpointOptions,
  surroundings: EndpointSurroundings,
): Promise<EngineEndpoint> {
  const tried: string[] = []
  for (const strategy of ENDPOINT_STRATEGIES) {
    const result = await strategy.find(options, surroundings)
    if ('endpoint' in result) return result.endpoint
    tried.push(...result.tried)
  }
  throw new EngineUnavailableError(
    `No container engine was found. Tried: ${tried.join('; ')}. Start Docker or Podman, or set DOCKER_HOST.`,
    { details: { tried } },
  )
}

/** The endpoint in words, without anything secret. */
export function describeEndpoint(endpoint: EngineEndpoint): string {
  const address = addressOf(endpoint)
  return `${address} (from ${endpoint.origin})`
}

function addressOf(endpoint: EngineEndpoint): string {
  if (endpoint.kind === 'unix') return `unix://${endpoint.socketPath}`
  if (endpoint.kind === 'tcp') return `${endpoint.tls ? 'https' : 'tcp'}://${endpoint.host}:${endpoint.port}`
  const user = endpoint.username === null ? '' : `${endpoint.username}@`
  return `ssh://${user}${endpoint.host}${endpoint.port === null ? '' : `:${endpoint.port}`}`
}
