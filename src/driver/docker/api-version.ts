/** Which version of the engine's HTTP API is spoken: the newest that both sides know. */
import { z } from 'zod'
import { EngineUnavailableError } from '../../errors.js'
import { quoteForeignText } from './engine-error.js'

/** The newest API that this driver was written against (Engine 28). A newer engine is spoken to in this one. */
export const NEWEST_API = '1.51'

/** Engine 20.10. Older ones have no private cgroup namespace and no one-shot statistics. */
export const OLDEST_API = '1.41'

/** What the engine says about itself before a version is chosen. */
export interface EngineVersion {
  /** Podman answers on a socket like Docker's and names itself among its components. */
  readonly product: 'docker' | 'podman'
  /** The engine's release, for example `20.10.24`. */
  readonly engine: string
  /** The newest API that the engine knows. */
  readonly newest: string
  /** The API that is spoken. */
  readonly used: string
}

const versionSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string().regex(/^\d+\.\d+$/),
  MinAPIVersion: z
    .string()
    .regex(/^\d+\.\d+$/)
    .optional(),
  Components: z
    .array(z.object({ Name: z.string() }))
    .nullish()
    .catch(null),
})

/**
 * @param answer the answer to `GET /version`
 * @param where the endpoint in words
 * @throws {EngineUnavailableError} when this is no container engine, or one that is too old or too new
 */
export function chooseApiVersion(answer: unknown, where: string): EngineVersion {
  const parsed = versionSchema.safeParse(answer)
  if (!parsed.success) {
    const text = Buffer.isBuffer(answer) ? answer.toString('utf8', 0, 400) : String(JSON.stringify(answer))
    throw notAnEngine(where, `it answered '${quoteForeignText(text, 100)}' when asked for its version`)
  }
  const { Version: engine, ApiVersion: newest, MinAPIVersion: oldest = '1.0' } = parsed.data
  if (compareApiVersions(newest, OLDEST_API) < 0) {
    throw unfit(
      `The engine at ${where} is too old: version ${quoteForeignText(engine, 50)} speaks API ${newest}, ` +
        `needed is ${OLDEST_API} (Docker Engine 20.10) or newer.`,
    )
  }
  if (compareApiVersions(oldest, NEWEST_API) > 0) {
    throw unfit(
      `The engine at ${where} is too new: version ${quoteForeignText(engine, 50)} speaks API ${oldest} and up, ` +
        `this driver speaks ${OLDEST_API} to ${NEWEST_API}.`,
    )
  }
  const isPodman = parsed.data.Components?.some(({ Name }) => /^podman\b/i.test(Name)) === true
  return {
    product: isPodman ? 'podman' : 'docker',
    engine,
    newest,
    used: compareApiVersions(newest, NEWEST_API) > 0 ? NEWEST_API : newest,
  }
}

/** @returns a negative number when `a` is older than `b`, 0 when they are the same, else a positive one */
export function compareApiVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}

/** @param reason what it did that no engine does */
export function notAnEngine(where: string, reason: string): EngineUnavailableError {
  return unfit(`What answers at ${where} is no container engine: ${reason}.`)
}

function unfit(message: string): EngineUnavailableError {
  return new EngineUnavailableError(message, { retryable: false, details: { code: 'EPROTO' } })
}
