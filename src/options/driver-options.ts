import type { z } from 'zod'
import { durationOption, objectOption, textOption, textProblem } from './option.js'
import { parseOptions } from './parse.js'

/** A healthy engine answers in milliseconds; thirty seconds cover one that is busy with builds. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000

const ALLOWED = 'unix:///path, tcp://host:port, https://host:port or ssh://user@host'

/** Options of `DockerDriver`. */
export const driverOptionsSchema = objectOption({
  host: textOption({ type: 'string', allowed: ALLOWED }, hostProblem)
    .nullable()
    .default(null)
    .describe(
      'Endpoint of the engine. Default: `DOCKER_HOST`, the current Docker context, then `/var/run/docker.sock`.',
    ),
  requestTimeoutMs: durationOption(100)
    .default(DEFAULT_REQUEST_TIMEOUT_MS)
    .describe('Deadline of each request to the engine, builds and waits excepted.'),
}).readonly()

export type DriverOptions = z.input<typeof driverOptionsSchema>
export type ParsedDriverOptions = z.output<typeof driverOptionsSchema>

/** @throws {InvalidOptionsError} */
export function parseDriverOptions(raw: unknown = {}): ParsedDriverOptions {
  return parseOptions(driverOptionsSchema, raw, 'driver options')
}

function hostProblem(host: string): string | null {
  const problem = textProblem(host, 4096)
  if (problem !== null) return problem
  if (host.startsWith('/')) return 'write a socket as unix:///path'
  if (/^unix:\/\/\/[^\s]/.test(host)) return null
  if (!/^(tcp|http|https|ssh):\/\//.test(host)) return 'the scheme is none of unix, tcp, http, https and ssh'
  try {
    return new URL(host).hostname === '' ? 'the host name is missing' : null
  } catch {
    return 'it cannot be read as a URL'
  }
}
