/**
 * `build.json`: what is known of one build, beside its log. It is replaced as a whole, so that whoever comes after a crash
 * reads the state before or after a change and nothing between.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../users/atomic-file.js'
import { buildResultSchema } from './build-schemas.js'
import type { BuildResult } from './build-events.js'

/** Name of the record in the folder of a build. */
export const RECORD_FILE = 'build.json'
/** Name of the log. */
export const LOG_FILE = 'log.ndjson'
/** Name of the folder with the artifacts. */
export const ARTIFACTS_FOLDER = 'artifacts'
/** Name of what a trace saw. */
export const TRACE_FILE = 'trace.json'

const ID_PATTERN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const MAX_RECORD_BYTES = 64 * 1024 ** 2

const recordSchema = z.strictObject({
  version: z.literal(1),
  id: z.uuid(),
  tenant: z.string().max(256),
  state: z.enum(['queued', 'starting', 'running', 'saving', 'finished']),
  labels: z.record(z.string(), z.string()),
  submittedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  result: buildResultSchema.nullable(),
})

/** The state of a build as it stands on disk. */
export type BuildRecord = Readonly<Omit<z.output<typeof recordSchema>, 'result'>> & {
  readonly result: BuildResult | null
}

/** Whether a text can be the id of a build, which is also the name of its folder. */
export function isBuildId(text: string): boolean {
  return ID_PATTERN.test(text)
}

/**
 * Writes the record of a build.
 * @param durable - whether it must outlive a loss of power; a change of a living build need not, since the build would not
 */
export async function writeRecord(folder: string, record: BuildRecord, durable: boolean): Promise<void> {
  await replaceFile(join(folder, RECORD_FILE), `${JSON.stringify(record)}\n`, { durable })
}

/** @returns `null` when there is none, or when it is damaged */
export async function readRecord(folder: string): Promise<BuildRecord | null> {
  try {
    const text = await readFile(join(folder, RECORD_FILE), 'utf8')
    if (text.length > MAX_RECORD_BYTES) return null
    const record = recordSchema.safeParse(JSON.parse(text))
    return record.success ? record.data : null
  } catch {
    return null
  }
}
