/** The engine's progress report of a build or load: JSON objects, one per line, the failure among them. */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { ImageError } from '../../errors.js'
import { quoteForeignText } from './engine-error.js'

/** The lines that are kept for the message of a failure. */
const KEPT_LINES = 20

const lineSchema = z.object({
  stream: z.string().optional(),
  status: z.string().optional(),
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional(), code: z.number().optional() }).optional(),
})

/**
 * @param subject what is built or loaded, for the message
 * @returns the last lines of the report
 * @throws {ImageError} when the report names a failure: HTTP has long said 200 by then
 */
export async function followProgress(answer: Readable, subject: string): Promise<string[]> {
  const words: string[] = []
  const lines = createInterface({ input: answer, crlfDelay: Infinity })
  // readline does not pass on the failure of its input.
  const broken = new Promise<never>((_resolve, reject) => answer.once('error', reject))
  broken.catch(() => undefined)
  const reading = (async () => {
    for await (const line of lines) {
      const report = parseLine(line)
      if (report === null) continue
      const failure = report.errorDetail?.message ?? report.error
      if (failure !== undefined) throw failed(subject, failure, report.errorDetail?.code, words)
      const text = (report.stream ?? report.status ?? '').trim()
      if (text !== '') words.push(text)
      if (words.length > KEPT_LINES) words.shift()
    }
    return words
  })()
  try {
    return await Promise.race([reading, broken])
  } finally {
    lines.close()
    answer.destroy()
  }
}

function parseLine(line: string): z.infer<typeof lineSchema> | null {
  if (line.trim() === '') return null
  try {
    const parsed = lineSchema.safeParse(JSON.parse(line))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

function failed(subject: string, failure: string, code: number | undefined, words: readonly string[]): ImageError {
  const output = words.map((text) => quoteForeignText(text, 500))
  return new ImageError(`The image could not be made (${subject}): ${quoteForeignText(failure)}.`, {
    details: { output, ...(code !== undefined && { exitCode: code }) },
  })
}
