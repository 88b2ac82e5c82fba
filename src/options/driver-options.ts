import type { z } from 'zod'
import { booleanOption, durationOption, objectOption, opaqueOption, textOption, textProblem } from './option.js'
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
      'Endpoint of the engine. Default: `DOCKER_HOST`, the current Docker context, `/var/run/docker.sock`, then the usual sockets of rootless Docker and of Podman.',
    ),
  requestTimeoutMs: durationOption(100)
    .default(DEFAULT_REQUEST_TIMEOUT_MS)
    .describe('Deadline of each request to the engine, builds and waits excepted.'),
  certPath: textOption({ type: 'host path', allowed: 'an absolute path' }, folderProblem)
    .nullable()
    .default(null)
    .describe('Folder with `ca.pem`, `cert.pem` and `key.pem` for `host`; turns TLS on for `tcp://`.'),
  context: textOption({ type: 'string', allowed: 'the name of a Docker context' }, contextProblem)
    .nullable()
    .default(null)
    .describe('Docker context that names the engine, when `host` does not.'),
  createTimeoutMs: durationOption(100)
    .default(DEFAULT_REQUEST_TIMEOUT_MS)
    .describe('Deadline for creating a container.'),
  startTimeoutMs: durationOption(100)
    .default(DEFAULT_REQUEST_TIMEOUT_MS)
    .describe('Deadline for starting a container.'),
  buildTimeoutMs: durationOption(100).default(600_000).describe('Deadline for building or loading an image.'),
  sweep: booleanOption()
    .default(true)
    .describe('Remove what dead processes left on the engine: once, in the background, after the first launch.'),
  imageAgeMs: durationOption(0)
    .default(24 * 3_600_000)
    .describe('Unused images that are younger than this are kept by `prune`.'),
  onDiagnostic: opaqueOption<(error: unknown) => void>(
    { type: 'function', allowed: 'a function that takes an error' },
    (value) => typeof value === 'function',
  )
    .nullable()
    .default(null)
    .describe('Hears failures of background work: the sweep, and the late removal after a failed launch.'),
}).readonly()

/** What a caller gives to `new DockerDriver`. */
export type DriverOptions = z.input<typeof driverOptionsSchema>
/** The same with every default filled in. */
export type ParsedDriverOptions = z.output<typeof driverOptionsSchema>

/** @throws {InvalidOptionsError} */
export function parseDriverOptions(raw: unknown = {}): ParsedDriverOptions {
  return parseOptions(driverOptionsSchema, raw, 'driver options')
}

function folderProblem(path: string): string | null {
  return textProblem(path, 4096) ?? (path.startsWith('/') ? null : 'it is relative')
}

function contextProblem(name: string): string | null {
  // docker/cli, cli/context/store: what a context may be called.
  return /^[a-zA-Z0-9][a-zA-Z0-9_.+-]*$/.test(name) ? null : "letters, digits and '_', '.', '+', '-'"
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
