/**
 * Docker contexts: named endpoints that the `docker context` command keeps in the user's configuration folder.
 *
 * Layout (docker/cli, cli/context/store): `contexts/meta/<sha256 of the name>/meta.json` and, for TLS,
 * `contexts/tls/<sha256 of the name>/docker/{ca,cert,key}.pem`.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { InvalidOptionsError } from '../../errors.js'
import { readTlsMaterial } from './endpoint-address.js'
import type { EndpointSurroundings, TlsMaterial } from './endpoint-types.js'

const configSchema = z.object({ currentContext: z.string().optional() })

const metaSchema = z.object({
  Endpoints: z.object({ docker: z.object({ Host: z.string(), SkipTLSVerify: z.boolean().optional() }) }),
})

/** @returns `currentContext` of docker's `config.json`, or `null` when there is none. */
export async function readCurrentContext(surroundings: EndpointSurroundings): Promise<string | null> {
  const path = join(configFolder(surroundings), 'config.json')
  const text = await readIfThere(path)
  if (text === null) return null
  const config = configSchema.safeParse(parseJson(text))
  // A broken configuration file is docker's to report: here it names no context.
  return (config.success && config.data.currentContext) || null
}

/**
 * @returns the context's address and TLS material, `null` when it has none
 * @throws {InvalidOptionsError} when there is no such context, or it says that the engine's certificate is not to be checked
 */
export async function readDockerContext(
  name: string,
  origin: string,
  surroundings: EndpointSurroundings,
): Promise<{ readonly address: string; readonly tls: TlsMaterial | null }> {
  const folder = join(configFolder(surroundings), 'contexts')
  const key = createHash('sha256').update(name).digest('hex')
  const path = join(folder, 'meta', key, 'meta.json')
  const text = await readIfThere(path)
  if (text === null)
    throw new InvalidOptionsError(`${origin} names the docker context '${name}', but ${path} is not there.`)
  const meta = metaSchema.safeParse(parseJson(text))
  if (!meta.success) throw new InvalidOptionsError(`${path} is no docker context with an endpoint 'docker'.`)
  const { Host: address, SkipTLSVerify: skipsVerification } = meta.data.Endpoints.docker
  if (skipsVerification === true) {
    throw new InvalidOptionsError(
      `The docker context '${name}' does not verify the engine's certificate (SkipTLSVerify); give it the engine's CA instead.`,
    )
  }
  const material = await readTlsMaterial(join(folder, 'tls', key, 'docker'), `docker context '${name}'`)
  return { address, tls: Object.keys(material).length > 0 ? material : null }
}

function configFolder({ env, home }: EndpointSurroundings): string {
  return env.DOCKER_CONFIG || join(home, '.docker')
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return null
    throw error
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
