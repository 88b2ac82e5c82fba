/** The file of a build, as it stands on disk. */
import { dirname, resolve } from 'node:path'
import { SandboxError } from '../../errors.js'
import { formatIssue, UNKNOWN_OPTION, type OptionIssue } from '../../options/index.js'
import { printable } from '../../printable.js'
import { decodeText, readHostBytes } from './host-text.js'
import { codeFrame, lineAndColumn, TextProblem, type Place } from './text-place.js'
import { parseYaml, type YamlData } from './yaml-data.js'

/** Scripts of a build stand in files of its source; this holds what calls them. */
const MAX_FILE_BYTES = 1024 ** 2
/** Further problems are left out: whoever mends these sees the next. */
const MAX_LISTED = 20
/** Further problems are told by their place alone. */
const MAX_FRAMES = 5

/** A build file that was read. */
export interface BuildFile {
  /** As it was named. */
  readonly name: string
  /** The absolute folder that holds it. */
  readonly folder: string
  readonly text: string
  readonly data: YamlData
}

/** The build file cannot be used. `details.problems` has each with file, line and column. */
export class BuildFileError extends SandboxError {
  constructor(message: string, problems: readonly BuildProblem[]) {
    super('ERR_BUILD_FILE', message, { details: { problems } })
  }
}

/** One thing that is wrong with a build. */
export interface BuildProblem {
  /** Path of the member, as in `steps[0].run`; empty where the file as a whole is meant. */
  readonly path: string
  /** From 1; `null` for what stands in a flag. */
  readonly line: number | null
  readonly column: number | null
  readonly message: string
}

/**
 * Reads YAML or JSON.
 * @throws {HostFileError} when there is no such file, or it has more than 1 MiB
 * @throws {BuildFileError} when it is neither, with the place
 */
export async function readBuildFile(path: string): Promise<BuildFile> {
  const { text, problem } = decodeText(await readHostBytes(path, MAX_FILE_BYTES))
  const file = { name: path, folder: dirname(resolve(path)), text }
  try {
    if (problem !== null) throw problem
    return { ...file, data: parseYaml(text) }
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error
    const at = lineAndColumn(text, error.place.start)
    const head = `${shownName(path)}:${at.line}:${at.column}: ${error.message}`
    throw new BuildFileError(`${head}\n${indent(codeFrame(text, error.place))}`, [
      { path: '', ...at, message: error.message },
    ])
  }
}

/** Lines up what is wrong with the members of a file. `flags` has the flag behind each path that one stands for. */
export function describeIssues(
  file: BuildFile,
  issues: readonly OptionIssue[],
  flags: ReadonlyMap<string, string>,
): BuildFileError {
  const problems: BuildProblem[] = []
  const shown = withoutSecrets(file)
  const blocks: string[] = []
  for (const issue of issues.slice(0, MAX_LISTED)) {
    const flag = nearest(flags, issue.path)
    if (flag !== null) {
      const message = formatIssue({ ...issue, path: flag })
      problems.push({ path: issue.path, line: null, column: null, message })
      blocks.push(message)
      continue
    }
    const place = placeOf(file, issue)
    const at = lineAndColumn(file.text, place.start)
    const message = formatIssue(issue)
    problems.push({ path: issue.path, ...at, message })
    const head = `${shownName(file.name)}:${at.line}:${at.column}: ${message}`
    const framed = blocks.length < MAX_FRAMES && !mayBeSecret(issue.path)
    blocks.push(framed ? `${head}\n${indent(codeFrame(shown, place))}` : head)
  }
  const count = issues.length < MAX_LISTED ? String(issues.length) : `the first ${MAX_LISTED}`
  const message = blocks.length === 1 ? (blocks[0] ?? '') : `${count} problems\n${blocks.join('\n')}`
  return new BuildFileError(message, problems)
}

/** Where to look: the value, the key of one that is unknown, else what holds the one that is missing. */
function placeOf({ data }: BuildFile, issue: OptionIssue): Place {
  if (issue.got === UNKNOWN_OPTION) return data.keys.get(issue.path) ?? nearest(data.places, issue.path) ?? NOWHERE
  const own = data.places.get(issue.path)
  if (own !== undefined) return own
  const parent = nearestPath(data.places, issue.path)
  return data.keys.get(parent) ?? data.places.get(parent) ?? NOWHERE
}

const NOWHERE: Place = { start: 0, end: 0 }

function nearest<T>(entries: ReadonlyMap<string, T>, path: string): T | null {
  return entries.get(nearestPath(entries, path)) ?? null
}

/** The path, or the nearest above it that is known; the empty one when none is. */
function nearestPath(entries: ReadonlyMap<string, unknown>, path: string): string {
  let shorter = path
  while (shorter !== '' && !entries.has(shorter))
    shorter = shorter.slice(0, Math.max(0, shorter.lastIndexOf('.'), shorter.lastIndexOf('[')))
  return shorter
}

/** What stands there stays out of messages: variables hold secrets too. */
function mayBeSecret(path: string): boolean {
  return /^(?:secrets|env|steps\[\d+\]\.env)(?![A-Za-z])/.test(path)
}

/** The text with stars in place of what may be a secret, at the same offsets. */
function withoutSecrets({ text, data }: BuildFile): string {
  const secret = [...data.places].flatMap(([path, place]) => (mayBeSecret(path) ? [place] : []))
  let shown = ''
  let at = 0
  for (const { start, end } of secret.sort((one, other) => one.start - other.start)) {
    // Places lie in each other, and an alias has that of its anchor.
    if (end <= at) continue
    const from = Math.max(at, start)
    shown += text.slice(at, from) + text.slice(from, end).replaceAll(/[^\n]/g, '*')
    at = end
  }
  return shown + text.slice(at)
}

function shownName(name: string): string {
  return printable(name, 200)
}

function indent(frame: string): string {
  return frame.replaceAll(/^/gm, '  ')
}
