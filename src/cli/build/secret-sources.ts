/** Secrets of a build: the file has their names and where they come from, never their texts. */
import { resolve } from 'node:path'
import { SandboxError } from '../../errors.js'
import { describeValue, formatPath, type OptionIssue } from '../../options/index.js'
import { parseSecretFlag } from './build-flags.js'
import { decodeText, readHostBytes } from './host-text.js'

/** As much as a build takes, of one and in number: what is more is refused, and need not be read for that. */
const MAX_SECRET_BYTES = 64 * 1024
const MAX_SECRETS = 64

const ALLOWED = 'where the text comes from: { env: NAME } for a variable of this shell, or { file: path }'
/** Stands for one that could not be read, so that nothing else is said about it. */
const UNKNOWN = 'unknown secret'

/** What was read. */
export interface Secrets {
  readonly values: Readonly<Record<string, string>>
  readonly issues: readonly OptionIssue[]
  /** The flag behind each path that one stands for. */
  readonly flags: ReadonlyMap<string, string>
}

/** Where names are looked up. */
export interface SecretSurroundings {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
}

type Source = { readonly env: string } | { readonly file: string }

/**
 * Reads all secrets of a build.
 * @param given - `secrets` of the file
 * @param flags - texts of `--secret`, which win; their files are relative to the working folder
 */
export async function readSecrets(
  given: unknown,
  flags: readonly string[],
  { folder, env }: SecretSurroundings,
): Promise<Secrets> {
  const sources = new Map<string, Source>()
  const issues: OptionIssue[] = []
  const flagOf = new Map<string, string>()
  const values = new Map<string, string>()
  for (const [name, source] of entriesOf(given, issues)) {
    const path = pathOf(name)
    values.set(name, UNKNOWN)
    if (source !== null && typeof source !== 'object') {
      const hint = 'a file that is kept with the source is no place for a secret; change it where it is valid'
      issues.push({ path, got: 'something that is not shown', allowed: ALLOWED, hint })
    } else if (isSource(source)) sources.set(name, 'env' in source ? source : { file: resolve(folder, source.file) })
    else issues.push({ path, got: describeValue(source), allowed: ALLOWED, hint: null })
  }
  for (const [index, text] of flags.entries()) {
    const flag = parseSecretFlag(text)
    if (flag === null) {
      const path = `--secret[${index}]`
      flagOf.set(path, '--secret')
      const hint = 'a value is refused: every user of this host could read it in the list of processes'
      issues.push({ path, got: 'something that is not shown', allowed: 'NAME, or NAME=@file', hint })
      continue
    }
    values.set(flag.name, UNKNOWN)
    flagOf.set(pathOf(flag.name), `--secret ${flag.name}`)
    sources.set(flag.name, flag.file === null ? { env: flag.name } : { file: resolve(flag.file) })
  }
  for (const [name, source] of [...sources].slice(0, MAX_SECRETS)) {
    const value = await read(source, env)
    values.set(name, value.text ?? UNKNOWN)
    if (value.text === null) issues.push({ path: pathOf(name), got: 'nothing', allowed: ALLOWED, hint: value.problem })
  }
  return { values: Object.fromEntries(values), issues, flags: flagOf }
}

function entriesOf(given: unknown, issues: OptionIssue[]): readonly (readonly [string, unknown])[] {
  if (given === undefined || given === null) return []
  if (typeof given === 'object' && !Array.isArray(given)) return Object.entries(given)
  const got = typeof given === 'object' ? describeValue(given) : 'something that is not shown'
  issues.push({ path: 'secrets', got, allowed: `names, each with ${ALLOWED}`, hint: null })
  return []
}

function isSource(source: unknown): source is Source {
  if (typeof source !== 'object' || source === null) return false
  const [[key, value] = [], further] = Object.entries(source)
  return further === undefined && (key === 'env' || key === 'file') && typeof value === 'string' && value !== ''
}

/** As messages have it. */
function pathOf(name: string): string {
  return formatPath(['secrets', name])
}

type Reading = { readonly text: string } | { readonly text: null; readonly problem: string }

async function read(source: Source, env: NodeJS.ProcessEnv): Promise<Reading> {
  if ('env' in source) {
    const text = env[source.env]
    if (text === undefined) return { text: null, problem: `${describeValue(source.env)} is not set in this shell` }
    return { text }
  }
  try {
    const { text, problem } = decodeText(await readHostBytes(source.file, MAX_SECRET_BYTES))
    if (problem !== null) return { text: null, problem: `${describeValue(source.file)} is no text: ${problem.message}` }
    return { text: withoutLineEnd(text) }
  } catch (error) {
    if (error instanceof SandboxError) return { text: null, problem: error.message }
    throw error
  }
}

/**
 * A file with one line is a word, whose line end is of the editor: with it the word alone would not be masked. A file of several
 * lines, such as a key, is kept as it is.
 */
function withoutLineEnd(text: string): string {
  const line = text.replace(/\r?\n$/, '')
  return /[\r\n]/.test(line) ? text : line
}
