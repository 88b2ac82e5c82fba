/** Globs below the workspace of a build. */
import { z } from 'zod'
import { selectionProblem } from '../glob/index.js'
import { optionFacts, textOption } from './option.js'
import { workspacePathProblem } from './workspace-path.js'

const MAX_PATTERNS = 256

/** Wildcards in all globs of a list: for each character of a path, each of them can be followed at once. */
const MAX_WILDCARDS = 1000

/** What is kept of a workspace, by its path. */
export const globsOption = z
  .array(
    textOption(
      {
        type: 'glob',
        allowed: "a glob below the workspace, such as 'dist/**' or '*.log'; with '!' before it what is left out",
      },
      (glob) => workspacePathProblem(glob.replace(/^!/, '')) ?? selectionProblem(glob),
    ),
    { error: 'an array of globs' },
  )
  .max(MAX_PATTERNS, { error: `at most ${MAX_PATTERNS} globs` })
  .refine((globs) => globs.reduce((sum, glob) => sum + wildcards(glob), 0) <= MAX_WILDCARDS, {
    error: `globs with at most ${MAX_WILDCARDS} wildcards together`,
  })
  .register(optionFacts, {
    type: 'array of globs',
    allowed: `at most ${MAX_PATTERNS}, with at most ${MAX_WILDCARDS} wildcards together`,
  })
  .readonly()

/** A class counts with each of its characters, and braces with each branch. */
function wildcards(glob: string): number {
  const simple = glob.match(/[*?{,]/g)?.length ?? 0
  return (glob.match(/\[[^\]]*/g) ?? []).reduce((sum, members) => sum + members.length, simple)
}
