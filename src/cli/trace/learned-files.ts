/** What a run teaches, joined with what earlier runs taught. */
import { parseTracePolicyFile } from '../../options/index.js'
import { parseOwnSeccompProfile } from '../../options/seccomp-option.js'
import { targetSeccompProfile, tightenSeccomp } from '../../policy/index.js'
import { mergeLearned, type LearnedPolicy } from '../../trace/learn/index.js'

const LISTS = ['read', 'write', 'exec', 'connect'] as const

/** What a list stands for that a policy leaves out. */
const LEFT_OUT: Readonly<Record<(typeof LISTS)[number], readonly string[]>> = {
  read: ['@default'],
  write: ['@default'],
  exec: ['@default'],
  connect: [],
}

/**
 * The text of a policy file that allows what was learned, and what the file allowed before.
 * @param before - its text; `null` when there was none
 * @throws {InvalidOptionsError} when what was there is no policy
 */
export function extendPolicy(learned: LearnedPolicy, before: string | null, name: string): string {
  const known = before === null ? null : parseTracePolicyFile(before, name)
  const merged = known === null ? learned : mergeLearned([{ ...learned, ...listsOf(known) }, learned])
  const { read, write, exec, connect } = merged
  const kept = known === null ? {} : Object.fromEntries(Object.entries(known).filter(([key]) => !isList(key)))
  return formatJson({ ...kept, read, write, exec, connect })
}

function listsOf(policy: ReturnType<typeof parseTracePolicyFile>): Pick<LearnedPolicy, (typeof LISTS)[number]> {
  const lists = LISTS.map((list) => [list, policy[list] ?? LEFT_OUT[list]])
  return Object.fromEntries(lists) as Pick<LearnedPolicy, (typeof LISTS)[number]>
}

function isList(key: string): boolean {
  return (LISTS as readonly string[]).includes(key)
}

/**
 * The text of a seccomp profile that allows the calls that were used, and those that the file allowed before, as far as the
 * package's own profile does.
 * @param machine - the engine's architecture
 * @throws {InvalidOptionsError} when what was there is no profile
 */
export function extendSeccomp(used: readonly string[], before: string | null, machine: string): string {
  const known = before === null ? [] : parseOwnSeccompProfile(JSON.parse(before)).syscalls
  const names = known.flatMap((rule) => (rule.action === 'SCMP_ACT_ALLOW' ? rule.names : []))
  return formatJson(tightenSeccomp(targetSeccompProfile(machine), [...used, ...names]))
}

function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
