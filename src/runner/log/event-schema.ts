/** What a line of a log may be. A log can be damaged, and the events of a later version can have further members, which are left out. */
import { z } from 'zod'
import type { BuildEvent } from '../build-events.js'
import { buildResultSchema, stepResultSchema } from '../build-schemas.js'

const count = z.number().nonnegative()
const index = z.int().nonnegative()
const time = z.iso.datetime()

const head = { seq: index, time }
const step = { ...head, type: z.literal('step'), index, name: z.string() }

const eventSchema = z.discriminatedUnion('type', [
  z.object({ ...head, type: z.literal('queued'), id: z.string(), tenant: z.string(), steps: z.array(z.string()) }),
  z.object({
    ...head,
    type: z.literal('started'),
    waitMs: count,
    warm: z.boolean(),
    sandboxId: z.string(),
    workspace: z.enum(['memory', 'disk']),
  }),
  z.object({
    ...head,
    type: z.literal('source'),
    entries: count,
    bytes: count,
    commit: z.string().nullable(),
    durationMs: count,
  }),
  z.object({
    ...head,
    type: z.literal('cache'),
    key: z.string(),
    action: z.enum(['restored', 'missed', 'saved', 'skipped']),
    detail: z.string(),
    bytes: count,
  }),
  z.discriminatedUnion('state', [
    z.object({ ...step, state: z.literal('started') }),
    z.object({ ...step, state: z.literal('finished'), result: stepResultSchema }),
  ]),
  z.object({
    ...head,
    type: z.literal('output'),
    step: index,
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  }),
  z.object({ ...head, type: z.literal('violation'), text: z.string() }),
  z.object({ ...head, type: z.literal('truncated'), limitBytes: count }),
  z.object({ ...head, type: z.literal('artifacts'), entries: count, bytes: count }),
  z.object({ ...head, type: z.literal('finished'), result: buildResultSchema }),
])

/** @returns `null` for what is no event */
export function parseEventLine(line: string): BuildEvent | null {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  const parsed = eventSchema.safeParse(value)
  return parsed.success ? parsed.data : null
}
