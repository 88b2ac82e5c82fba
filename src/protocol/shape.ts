/**
 * Exact shapes of the few messages that every process of the protocol reads.
 *
 * The same check as a `z.strictObject`, for the envelope only: building zod's schemas costs 3 ms in each process inside
 * the sandbox, ten times the rest of this folder, and a microsecond per message. What the messages carry is checked by
 * the zod schemas of `control.ts`.
 */

/** @returns whether a value may stand here. */
export type Predicate = (value: unknown) => boolean

interface Member {
  readonly test: Predicate
  readonly required: boolean
}

/** What members an object must and may have. Nothing else may be in it. */
export class Shape {
  private readonly members = new Map<string, Member>()
  private readonly requiredCount: number

  constructor(required: Readonly<Record<string, Predicate>>, optional: Readonly<Record<string, Predicate>> = {}) {
    for (const [name, test] of Object.entries(required)) this.members.set(name, { test, required: true })
    for (const [name, test] of Object.entries(optional)) this.members.set(name, { test, required: false })
    this.requiredCount = Object.keys(required).length
  }

  /** @returns what is wrong with `value`, in words that hold no text of it; `undefined` when nothing is. */
  issue(value: unknown): string | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'no object'
    let found = 0
    for (const key of Object.keys(value)) {
      const member = this.members.get(key)
      if (member === undefined) return 'an unknown member'
      if (!member.test((value as Record<string, unknown>)[key])) return `a wrong '${key}'`
      if (member.required) found += 1
    }
    return found === this.requiredCount ? undefined : 'a member is missing'
  }

  /** As {@link issue}, to use a shape as the member of another. */
  readonly test: Predicate = (value) => this.issue(value) === undefined
}
