/** A new password: asked for twice on a terminal that shows nothing of it, or one line of stdin. Never an argument. */
import type { ReadStream } from 'node:tty'
import { InvalidOptionsError } from '../errors.js'

/** More than any password has; what goes on for longer is no password. */
const MAX_INPUT_BYTES = 64 * 1024

/** Keys of a terminal in raw mode. */
const KEY = { interrupt: '\u0003', end: '\u0004', erase: ['\u007f', '\b'], eraseLine: '\u0015', enter: ['\r', '\n'] }

/**
 * @param output - where the question goes: not stdout, which may be read by a program
 * @returns `null` when whoever was asked pressed Ctrl-C
 * @throws {InvalidOptionsError} when stdin holds no single line, or the two answers differ.
 */
export async function readPassword(input: ReadStream, output: NodeJS.WritableStream): Promise<string | null> {
  if (!input.isTTY) return readLine(input)
  // Before the first question, and through both: what is typed at once must not be shown either.
  input.setRawMode(true)
  input.setEncoding('utf8')
  try {
    const first = await ask(input, output, 'New password: ')
    const second = first === null ? null : await ask(input, output, 'Again: ')
    if (second === null) return null
    if (second !== first) throw new InvalidOptionsError('The two passwords differ. Nothing was changed.')
    return second
  } finally {
    input.setRawMode(false)
  }
}

/** The end of the line is no part of it; a second line is taken for a mistake, not cut off. */
async function readLine(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of input) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > MAX_INPUT_BYTES) throw new InvalidOptionsError(`stdin holds more than ${MAX_INPUT_BYTES} bytes.`)
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (text.includes('\n')) throw new InvalidOptionsError('stdin holds more than one line: give the password alone.')
  return text
}

async function ask(input: ReadStream, output: NodeJS.WritableStream, question: string): Promise<string | null> {
  output.write(question)
  const answer = await readKeys(input)
  output.write('\n')
  return answer
}

/** What comes behind the enter key in one piece, as when both answers are pasted, is given back for the next question. */
function readKeys(input: ReadStream): Promise<string | null> {
  return new Promise((resolve) => {
    let typed: string[] = []
    const finish = (answer: string | null, rest = ''): void => {
      input.off('data', take).off('end', onEnd)
      input.pause()
      if (rest !== '') input.unshift(rest)
      resolve(answer)
    }
    const onEnd = (): void => finish(null)
    const take = (text: string): void => {
      const keys = [...text]
      for (const [index, key] of keys.entries()) {
        if (KEY.enter.includes(key)) return finish(typed.join(''), keys.slice(index + 1).join(''))
        if (key === KEY.interrupt || key === KEY.end) return finish(null)
        if (key === KEY.eraseLine) typed = []
        else if (KEY.erase.includes(key)) typed.pop()
        else typed.push(key)
      }
    }
    input.on('data', take).once('end', onEnd)
    input.resume()
  })
}
