/** Whether everything that one seccomp profile allows is allowed by another one. */
import type { SeccompArgument, SeccompProfile, SeccompRule } from './container-spec.js'

const ALLOW = 'SCMP_ACT_ALLOW'
const ALL_BITS = 2n ** 64n - 1n

/** The arguments that a condition accepts, where it is a comparison under a mask: `argument & mask === value`. */
interface MaskedEqual {
  readonly mask: bigint
  readonly value: bigint
}

/**
 * The first call that `inner` allows and `outer` does not, or not under such weak conditions; `null` when there is none.
 *
 * Each allowing rule of `inner` must be covered by one rule of `outer`. What only several rules together would cover is
 * refused too: the answer errs on the safe side alone.
 */
export function findLooserCall(
  inner: Pick<SeccompProfile, 'syscalls'>,
  outer: Pick<SeccompProfile, 'syscalls'>,
): { readonly name: string; readonly reason: 'call' | 'arguments' } | null {
  for (const rule of inner.syscalls) {
    if (rule.action !== ALLOW) continue
    for (const name of rule.names) {
      const rules = outer.syscalls.filter(({ action, names }) => action === ALLOW && names.includes(name))
      if (rules.length === 0) return { name, reason: 'call' }
      if (!rules.some((candidate) => covers(candidate, rule))) return { name, reason: 'arguments' }
    }
  }
  return null
}

function covers(outer: SeccompRule, inner: SeccompRule): boolean {
  return (outer.args ?? []).every((condition) =>
    (inner.args ?? []).some((stricter) => stricter.index === condition.index && implies(stricter, condition)),
  )
}

/** Whether every argument that the first condition accepts is accepted by the second. */
function implies(stricter: SeccompArgument, condition: SeccompArgument): boolean {
  const inner = toMaskedEqual(stricter)
  const outer = toMaskedEqual(condition)
  if (inner === null || outer === null) return false
  const looksAtAllOf = (outer.mask & ~inner.mask) === 0n
  return looksAtAllOf && (inner.value & outer.mask) === outer.value
}

/** `null` for an order, an inequality, and a value with bits outside the mask, which filters read differently. */
function toMaskedEqual({ op, value, valueTwo = 0 }: SeccompArgument): MaskedEqual | null {
  // seccomp_rule_add(3): for SCMP_CMP_MASKED_EQ the first datum is the mask.
  if (op === 'SCMP_CMP_EQ') return { mask: ALL_BITS, value: BigInt(value) }
  if (op !== 'SCMP_CMP_MASKED_EQ') return null
  const masked = { mask: BigInt(value), value: BigInt(valueTwo) }
  return (masked.value & ~masked.mask) === 0n ? masked : null
}
