/** Connections to an engine: one `http.Agent` for each kind of endpoint. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { inspect } from 'node:util'
import type { EngineEndpoint } from './endpoint-types.js'
import { SshAgent } from './ssh-agent.js'

/** TCP keep-alive after this much silence, so that a lost remote host ends a pending wait. */
const KEEP_ALIVE_MS = 15_000

/**
 * Connections are kept and used again; a hijacked one leaves the agent.
 *
 * docker-modem formats its whole request, agent and open sockets included, for a debug line on every call, also when
 * nobody reads it. A short `inspect` form keeps that off the hot path (and TLS keys out of debug output).
 */
export function createEngineAgent(endpoint: EngineEndpoint): HttpAgent {
  const agent = createAgent(endpoint)
  Object.defineProperty(agent, inspect.custom, { value: () => 'EngineAgent' })
  return agent
}

function createAgent(endpoint: EngineEndpoint): HttpAgent {
  if (endpoint.kind === 'ssh') return new SshAgent(endpoint)
  const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS }
  if (endpoint.kind === 'tcp' && endpoint.tls !== null) return new HttpsAgent({ ...options, ...endpoint.tls })
  return new HttpAgent(options)
}
