/**
 * What `beforeLaunch` may make of the options: they can be tightened and never loosened.
 *
 * Each option is compared with what it was. One that has no rule of its own must stay as it is, so an option that is added to
 * the package cannot be loosened by a plugin before somebody has thought of it.
 */
import { isDeepStrictEqual } from 'node:util'
import { InvalidOptionsError, PluginError } from '../errors.js'
import { describeValue, parseSandboxOptions, type ResolvedSandboxOptions } from '../options/index.js'
import { printable } from '../printable.js'
import { quotePlugin } from './quote-plugin.js'
import { looserSeccomp } from './tighten-seccomp.js'
import { looserTrace } from './tighten-trace.js'

const HOOK = 'beforeLaunch'

type Options = ResolvedSandboxOptions
/** @returns the part of the option that is looser than before, `''` for the whole of it; `null` when there is none */
type Rule<Key extends keyof Options> = (before: Options[Key], after: Options[Key]) => string | null

const RULES: { readonly [Key in keyof Options]?: Rule<Key> } = {
  limits: neverMore,
  timeouts: neverMore,
  permissions: neverAdded,
  writable: neverAdded,
  mounts: looserMounts,
  network: (before, after) => (after === before || after === 'none' ? null : ''),
  seccomp: looserSeccomp,
  trace: looserTrace,
  env: () => null,
  labels: (before, after) => Object.keys(before).find((name) => after[name] !== before[name]) ?? null,
  driver: same,
  signal: same,
}

/**
 * Takes what a hook returned into the options.
 *
 * @param returned - options in the form of `ContainerSandbox.create`; `limits` and `timeouts` are merged name by name, every
 * other one takes the place of what was; nothing leaves all as it is
 * @returns checked options that are in no field looser than `before`
 * @throws {PluginError} naming the plugin and the field
 */
export function tightenOptions(plugin: string, before: Options, returned: unknown): Options {
  if (returned === undefined || returned === null) return before
  if (typeof returned !== 'object' || Array.isArray(returned)) {
    const got = describeValue(returned)
    throw new PluginError(
      plugin,
      HOOK,
      `the plugin ${quotePlugin(plugin)} returned ${got} from ${HOOK}: return options`,
    )
  }
  const after = parse(plugin, before, returned as Readonly<Record<string, unknown>>)
  for (const key of Object.keys(before) as (keyof Options)[]) assertTighter(plugin, key, before, after)
  return after
}

function parse(plugin: string, before: Options, returned: Readonly<Record<string, unknown>>): Options {
  try {
    const given = Object.fromEntries(Object.entries(returned).filter(([, value]) => value !== undefined))
    for (const key of ['limits', 'timeouts'] as const) {
      const value = given[key]
      if (typeof value === 'object' && value !== null) given[key] = { ...before[key], ...withoutUndefined(value) }
    }
    return parseSandboxOptions({ ...before, ...given })
  } catch (cause) {
    const why = cause instanceof InvalidOptionsError ? cause.message : printable(String(cause), 500)
    throw new PluginError(plugin, HOOK, `the plugin ${quotePlugin(plugin)} returned from ${HOOK}: ${why}`, { cause })
  }
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined))
}

function assertTighter<Key extends keyof Options>(plugin: string, key: Key, before: Options, after: Options): void {
  const rule: Rule<Key> | undefined = RULES[key]
  const looser = rule === undefined ? unchanged(before[key], after[key]) : rule(before[key], after[key])
  if (looser === null) return
  const field = looser === '' ? key : `${key}.${looser}`
  const how = rule === undefined || rule === same ? 'changed' : 'loosened'
  const message = `the plugin ${quotePlugin(plugin)} ${how} ${printable(field, 200)} in ${HOOK}: a plugin may tighten options, never loosen them`
  throw new PluginError(plugin, HOOK, message, { details: { field } })
}

function unchanged(before: unknown, after: unknown): string | null {
  return isDeepStrictEqual(before, after) ? null : ''
}

/** What is handed on as it is and not copied. */
function same(before: unknown, after: unknown): string | null {
  return before === after ? null : ''
}

/** Numbers; `null` stands for none at all. */
function neverMore<Numbers extends Readonly<Record<keyof Numbers, number | null>>>(
  before: Numbers,
  after: Numbers,
): string | null {
  const isMore = (was: number | null, is: number | null): boolean => was !== null && (is === null || is > was)
  return (Object.keys(after) as (keyof Numbers & string)[]).find((key) => isMore(before[key], after[key])) ?? null
}

function neverAdded(before: readonly string[], after: readonly string[]): string | null {
  return after.every((entry) => before.includes(entry)) ? null : ''
}

/** Each was there, with the same source at the same place, and is writable only if it was. */
function looserMounts(before: Options['mounts'], after: Options['mounts']): string | null {
  const isLooser = ({ source, target, writable }: Options['mounts'][number]): boolean =>
    !before.some((was) => was.source === source && was.target === target && (was.writable || !writable))
  const index = after.findIndex(isLooser)
  return index === -1 ? null : String(index)
}
