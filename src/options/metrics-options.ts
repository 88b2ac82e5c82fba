/** Options of `MetricsEndpoint.open`. */
import { isIP } from 'node:net'
import type { z } from 'zod'
import { integerOption, objectOption, textOption } from './option.js'
import { parseOptions } from './parse.js'

/** The port that OpenTelemetry's exporters for Prometheus listen on by default. */
const DEFAULT_PORT = 9464

const PATH_PATTERN = /^\/[\w.~/-]{0,199}$/

/** Where the numbers are served for Prometheus. */
export const metricsOptionsSchema = objectOption({
  host: textOption({ type: 'string', allowed: "an IP address of this host, or 'localhost'" }, hostProblem)
    .default('127.0.0.1')
    .describe(
      'Address to listen on. There is neither a password nor encryption: beyond loopback, whoever reaches the port reads the numbers.',
    ),
  port: integerOption({ min: 0, max: 65_535, unit: 'TCP port' })
    .default(DEFAULT_PORT)
    .describe('Port to listen on; 0 takes one that is free, which `url` tells, or `metricsUrl` of a runner.'),
  path: textOption(
    { type: 'string', allowed: "'/' and up to 199 letters, digits, '_', '.', '~', '-' and '/'" },
    (path) => (PATH_PATTERN.test(path) ? null : 'it is no plain path of a URL'),
  )
    .default('/metrics')
    .describe('The one path that is answered.'),
}).readonly()

/** What a caller gives to `MetricsEndpoint.open`. */
export type MetricsOptions = z.input<typeof metricsOptionsSchema>
/** The same, checked and completed. */
export type ResolvedMetricsOptions = z.output<typeof metricsOptionsSchema>

/** @throws {InvalidOptionsError} listing every issue */
export function parseMetricsOptions(raw: unknown = {}): ResolvedMetricsOptions {
  return parseOptions(metricsOptionsSchema, raw, 'metrics options')
}

function hostProblem(host: string): string | null {
  return isIP(host) !== 0 || host === 'localhost' ? null : 'it is another name, or none'
}
