/** The body of an engine's answer. */
import type { IncomingMessage } from 'node:http'

/** So much of a refusal's body is read. */
const MAX_REFUSAL_BYTES = 16 * 1024

/** No answer that is read whole is near this; what is larger does not come from an engine. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * Reads an answer to its end.
 * @returns the parsed JSON, `null` when there is no body, a buffer when it is something else
 * @throws {Error} with a code when the connection broke before the end, or the body is too large
 */
export async function readAnswer(answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw failure('EMSGSIZE', `the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  if (!answer.complete) throw failure('ECONNRESET', 'the connection broke within the answer')
  const body = Buffer.concat(chunks)
  if (body.length === 0) return null
  try {
    return JSON.parse(body.toString())
  } catch {
    return body
  }
}

/**
 * The engine's refusal as an error with `statusCode`. An answer that is no refusal came where the connection itself was
 * asked for: something between here and the engine does not pass on upgrades.
 */
export async function refusalOf(answer: IncomingMessage): Promise<Error> {
  const statusCode = answer.statusCode ?? 0
  if (statusCode < 400) {
    answer.destroy()
    const words = 'the connection was not handed over; does a proxy in between refuse upgrades?'
    return Object.assign(new Error(words), { statusCode })
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes >= MAX_REFUSAL_BYTES) break
  }
  return Object.assign(new Error(messageOf(Buffer.concat(chunks).toString('utf8', 0, MAX_REFUSAL_BYTES))), {
    statusCode,
  })
}

function messageOf(body: string): string {
  try {
    const json: unknown = JSON.parse(body)
    if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message)
  } catch {
    // The body is the message.
  }
  return body
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
