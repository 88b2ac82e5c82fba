/** From one or more runs to a policy that allows just what was seen. */
export type { LearnedPattern } from './exact-pattern.js'
export type { UsedName } from './generalize.js'
export { learnPolicy, mergeLearned, type LearnedPolicy, type LearnInput } from './learn-policy.js'
export { UsedNames } from './used-names.js'
