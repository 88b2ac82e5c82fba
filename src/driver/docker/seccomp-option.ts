/**
 * How an engine is given a seccomp profile. Docker takes it inside the request; Podman's compatible socket (tried: 5.4)
 * takes only the path of a file on its own machine.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { EngineRequestError } from '../../errors.js'
import type { SeccompProfile } from '../../policy/container-spec.js'
import type { EngineConnection } from './engine-client.js'

/**
 * @returns the text behind `seccomp=` in the request
 * @throws {EngineRequestError} for Podman on another machine, or when the file cannot be written
 */
export async function seccompOption(profile: SeccompProfile, { endpoint, version }: EngineConnection): Promise<string> {
  const text = JSON.stringify(profile)
  if (version.product !== 'podman') return text
  if (endpoint.kind !== 'unix') {
    throw new EngineRequestError(
      'Podman takes a seccomp profile only as a file of its own machine, so sandboxes work with a local Podman alone. ' +
        'Run this on that machine, or use Docker Engine there.',
    )
  }
  const path = seccompFile(text)
  try {
    await keepFile(path, text)
  } catch (cause) {
    const { code = 'an error' } = cause as NodeJS.ErrnoException
    throw new EngineRequestError(`The seccomp profile for Podman cannot be written to ${path}: ${code}.`, { cause })
  }
  return path
}

/**
 * Puts the profile's text back where Podman reports the path, so that it is compared whole. Only a file of ours counts,
 * with content that is what its name says.
 */
export async function resolveSeccompFiles(options: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    options.map(async (option) => {
      const path = /^seccomp[=:](\/.+)$/.exec(option)?.[1]
      if (path === undefined) return option
      const text = await readFile(path, 'utf8').catch(() => '')
      return text !== '' && seccompFile(text) === path ? `seccomp=${text}` : option
    }),
  )
}

/** Named by its content, in a folder that only this user can write to and that a restart of the machine empties. */
function seccompFile(text: string): string {
  const name = `seccomp-${createHash('sha256').update(text).digest('hex')}.json`
  if (process.geteuid?.() === 0) return join('/run/container-sandbox', name)
  const folder = process.env['XDG_RUNTIME_DIR'] ?? ''
  if (!isAbsolute(folder)) {
    throw new EngineRequestError(
      'XDG_RUNTIME_DIR is not set: Podman needs a folder of this user for the seccomp profile. Log in through systemd, or ' +
        'set it to a folder that only this user can write to.',
    )
  }
  return join(folder, 'container-sandbox', name)
}

async function keepFile(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return
  await mkdir(join(path, '..'), { recursive: true, mode: 0o755 })
  const draft = `${path}.${randomUUID()}`
  try {
    await writeFile(draft, text, { mode: 0o644, flag: 'wx' })
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}
