/** Looks into an image without running anything of it, through a container that is created and never started. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { buildLabels, CONTAINER_NAME_PREFIX } from '../../policy/labels.js'
import type { ImagePath } from '../driver.js'
import { ownIdentity } from '../host-identity.js'
import { isNotFound } from './engine-error.js'
import type { EngineClient } from './engine-client.js'
import { removeContainer } from './removal.js'

/** After this time another host's sweep may remove a container that this process left. Milliseconds. */
const PROBE_LIFETIME_MS = 600_000

/** Bits of Go's `fs.FileMode`, the form in which the engine gives a mode. */
const GO_DIRECTORY = 2 ** 31
const GO_SYMLINK = 2 ** 27
const GO_OTHER = [2 ** 26, 2 ** 25, 2 ** 24, 2 ** 21, 2 ** 19]

const statSchema = z.object({ mode: z.number().int().nonnegative(), linkTarget: z.string().optional() })

/**
 * @param paths absolute paths in the image
 * @returns what is there; paths that are not there are missing
 * @throws {EngineUnavailableError} {@link EngineRequestError}
 */
export async function statImagePaths(
  client: EngineClient,
  image: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ImagePath>> {
  const name = `${CONTAINER_NAME_PREFIX}probe-${randomUUID()}`
  const deadline = new Date(Date.now() + PROBE_LIFETIME_MS)
  const labels = buildLabels({ role: 'sandbox', owner: ownIdentity(), version: '', deadline })
  const body = { Image: image, Cmd: ['/'], Labels: labels, NetworkDisabled: true, HostConfig: { NetworkMode: 'none' } }
  try {
    const query = { name }
    await client.request({
      what: 'create a container',
      method: 'POST',
      path: '/containers/create',
      query,
      body,
      signal,
    })
    const found = new Map<string, ImagePath>()
    for (const path of paths) {
      const stat = await statPath(client, name, path, signal)
      if (stat !== null) found.set(path, stat)
    }
    return found
  } finally {
    await removeContainer(client, name)
  }
}

async function statPath(
  client: EngineClient,
  container: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ImagePath | null> {
  try {
    const answer = await client.stream({
      what: 'look at a path of an image',
      method: 'HEAD',
      path: `/containers/${container}/archive`,
      query: { path },
      signal,
    })
    answer.resume()
    const header = (answer as IncomingMessage).headers['x-docker-container-path-stat']
    return parsePathStat(typeof header === 'string' ? header : '')
  } catch (error) {
    if (isNotFound(error)) return null
    throw error
  }
}

/** @param header the engine's `X-Docker-Container-Path-Stat`: JSON in base64 */
export function parsePathStat(header: string): ImagePath {
  const { mode, linkTarget } = statSchema.parse(JSON.parse(Buffer.from(header, 'base64').toString()))
  const has = (bit: number) => Math.floor(mode / bit) % 2 === 1
  if (has(GO_SYMLINK)) return { type: 'symlink', link: linkTarget ?? null }
  if (has(GO_DIRECTORY)) return { type: 'directory', link: null }
  return { type: GO_OTHER.some(has) ? 'other' : 'file', link: null }
}
