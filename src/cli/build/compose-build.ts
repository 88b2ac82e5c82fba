/** A build out of its file, the flags and this shell. */
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { InvalidOptionsError } from '../../errors.js'
import {
  describeValue,
  parseBuildOptions,
  tenantProblem,
  type BuildOptions,
  type OptionIssue,
} from '../../options/index.js'
import { parseDuration } from '../duration.js'
import { describeIssues, type BuildFile } from './build-file.js'
import type { BuildFlags } from './build-flags.js'
import { readSecrets } from './secret-sources.js'

type Members = Record<string, unknown>

/**
 * The options of a build, checked. Paths of the file are relative to the folder that holds it, and so is its source, which is that
 * folder when it names none.
 *
 * @throws {BuildFileError} with everything that is wrong, by line and column or by flag
 */
export async function composeBuild(
  file: BuildFile,
  flags: BuildFlags,
  env: NodeJS.ProcessEnv = process.env,
): Promise<BuildOptions> {
  const issues: OptionIssue[] = []
  const given = file.data.value
  if (!isObject(given)) {
    const allowed = "the members of a build, such as 'steps'"
    throw describeIssues(file, [{ path: '', got: describeValue(given), allowed, hint: null }], new Map())
  }
  const build: Members = { ...given }
  resolveSource(build, file.folder, issues)
  readDurations(build, issues)
  const flagOf = applyFlags(build, flags, issues)
  // An option of the library that a file cannot hold.
  const { signal, ...rest } = build
  if (signal !== undefined)
    issues.push({ path: 'signal', got: describeValue(signal), allowed: 'nothing: Ctrl-C cancels', hint: null })
  const secrets = await readSecrets(rest['secrets'], flags.secret ?? [], { folder: file.folder, env })
  issues.push(...secrets.issues)
  const options = { tenant: defaultTenant(), ...rest, secrets: secrets.values }
  const problems = [...issues, ...validate(options)]
  for (const [path, flag] of secrets.flags) flagOf.set(path, flag)
  if (problems.length > 0) throw describeIssues(file, problems, flagOf)
  return options as unknown as BuildOptions
}

function validate(options: Members): readonly OptionIssue[] {
  try {
    parseBuildOptions(options)
    return []
  } catch (error) {
    const issues = error instanceof InvalidOptionsError ? error.details['issues'] : undefined
    if (!Array.isArray(issues)) throw error
    return issues as readonly OptionIssue[]
  }
}

/** `source: path` is a folder. */
function resolveSource(build: Members, folder: string, issues: OptionIssue[]): void {
  const given = 'source' in build ? build['source'] : '.'
  if (typeof given === 'string') {
    build['source'] = { folder: resolve(folder, given) }
    if (given === '' || /^[a-z]+:\/\//i.test(given)) {
      const allowed = "a folder such as '.', { folder }, { tar }, { git, ref, depth } or { bundle, ref }"
      const hint = given === '' ? 'write null for an empty workspace' : 'write { git: … } for a repository'
      issues.push({ path: 'source', got: describeValue(given), allowed, hint })
    }
  } else if (isObject(given)) {
    build['source'] = withPaths(given, ['folder', 'tar', 'bundle'], folder)
  }
}

/** An empty path stays one, which is refused. */
function withPaths(members: Members, names: readonly string[], folder: string): Members {
  const resolved = { ...members }
  for (const name of names) {
    const path = resolved[name]
    if (typeof path === 'string' && path !== '') resolved[name] = resolve(folder, path)
  }
  return resolved
}

/** `'30s'` in place of milliseconds; sizes are texts in the library too. */
function readDurations(build: Members, issues: OptionIssue[]): void {
  const read = (members: Members, path: string, names: readonly string[]): Members => {
    const read = { ...members }
    for (const name of names) {
      const text = read[name]
      if (typeof text !== 'string') continue
      const milliseconds = parseDuration(text)
      if (typeof milliseconds === 'number') read[name] = milliseconds
      else {
        // Not looked at again by what follows.
        delete read[name]
        const allowed = "a time such as '500ms', '30s' or '10m', or milliseconds as a number"
        issues.push({ path: `${path}${name}`, got: describeValue(text), allowed, hint: milliseconds })
      }
    }
    return read
  }
  Object.assign(build, { ...read(build, '', ['timeoutMs']) })
  const { limits, trace, steps } = build
  if (isObject(limits)) build['limits'] = read(limits, 'limits.', ['cpuTimeMs', 'lifetimeMs'])
  if (isObject(trace)) build['trace'] = read(trace, 'trace.', ['maxLagMs'])
  if (Array.isArray(steps))
    build['steps'] = steps.map((step: unknown, index) =>
      isObject(step) ? read(step, `steps[${index}].`, ['timeoutMs']) : step,
    )
}

/** @returns the flag behind each path that one stands for */
function applyFlags(build: Members, flags: BuildFlags, issues: OptionIssue[]): Map<string, string> {
  const flagOf = new Map<string, string>()
  const set = (name: string, value: unknown, flag: string): void => {
    if (value === undefined) return
    build[name] = value
    flagOf.set(name, flag)
  }
  const setInner = (group: string, name: string, value: unknown, flag: string): void => {
    if (value === undefined) return
    const outer = build[group]
    // Anything else is an issue of the file, which is told instead.
    if (outer !== undefined && outer !== null && !isObject(outer)) return
    build[group] = { ...outer, [name]: value }
    flagOf.set(`${group}.${name}`, flag)
  }
  set('tenant', flags.tenant, '--tenant')
  set('base', flags.base, '--base')
  set('timeoutMs', flags.timeout, '--timeout')
  setInner('limits', 'memoryBytes', flags.memory, '--memory')
  setInner('limits', 'cpuCount', flags.cpus, '--cpus')
  setInner('limits', 'pids', flags.pids, '--pids')
  setInner('workspace', 'sizeBytes', flags.workspace, '--workspace')
  if (flags.trace === true && (build['trace'] ?? false) === false) build['trace'] = true
  if (flags.cache === false && Array.isArray(build['caches'])) build['caches'] = []
  if (flags.artifacts !== undefined && (build['artifacts'] ?? null) === null) {
    flagOf.set('artifacts', '--artifacts')
    const hint = "add artifacts: ['dist/**'] to it, or leave the flag out"
    issues.push({
      path: 'artifacts',
      got: describeValue(flags.artifacts),
      allowed: 'nothing: the file names none',
      hint,
    })
  }
  return flagOf
}

/** The login name, or the uid where that is no name of a tenant. */
function defaultTenant(): string {
  const uid = process.getuid?.() ?? 0
  try {
    const { username } = userInfo()
    return tenantProblem(username) === null ? username : `uid-${uid}`
  } catch {
    // There is no account of this uid.
    return `uid-${uid}`
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
