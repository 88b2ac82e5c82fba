/**
 * Which paths below a folder a list of globs selects.
 *
 * The globs are those of trace policies, read from the folder on: `*.log` is a file at the top, `dist/*.js` one in `dist`,
 * `**` stands for any number of folders. Names that begin with a dot are like all others. A glob that matches a folder
 * selects it with all that it holds. With `!` before it a glob takes out what it matches; of two that match, the later one
 * decides, also within a folder that an earlier one took out. A `./` at the beginning and a slash at the end say nothing.
 */
import { GlobAutomaton, type GlobPosition } from './glob-automaton.js'
import { GlobProblem, parseGlob } from './parse-glob.js'

interface Rule {
  readonly takesOut: boolean
  /** `null`: the folder itself, and so everything. */
  readonly automaton: GlobAutomaton | null
}

/** Where a rule stands at a path: it has matched this path or a folder above it, or it has come so far, with the slash that follows. */
type Standing = 'covers' | GlobPosition

/** One path of a walk: whether it is selected, and whether something below it can be. */
export interface SelectedPath {
  readonly selected: boolean
  /** `false`: nothing below is selected, so a walk need not go there. */
  readonly canHold: boolean
  /** What the folder holds under a name. */
  child(name: string): SelectedPath
}

/**
 * @param globs - in the order in which they were written
 * @returns the folder itself, from which a walk starts
 * @throws {GlobProblem} with a reason for the user
 */
export function compileSelection(globs: readonly string[]): SelectedPath {
  const rules = globs.map(parseRule)
  return new Path(
    rules,
    rules.map(({ automaton }) => automaton?.advance(automaton.start, '/') ?? 'covers'),
  )
}

/** @returns why a text selects nothing that can be told, or `null` */
export function selectionProblem(glob: string): string | null {
  try {
    parseRule(glob)
    return null
  } catch (error) {
    if (error instanceof GlobProblem) return error.message
    throw error
  }
}

function parseRule(glob: string): Rule {
  const takesOut = glob.startsWith('!')
  const segments = (takesOut ? glob.slice(1) : glob).split('/').filter((segment) => segment !== '' && segment !== '.')
  // A leading slash makes every segment begin alike, the first one too.
  const automaton = segments.length === 0 ? null : new GlobAutomaton(parseGlob(`/${segments.join('/')}`))
  return { takesOut, automaton }
}

class Path implements SelectedPath {
  readonly selected: boolean
  readonly canHold: boolean
  readonly #rules: readonly Rule[]
  readonly #standings: readonly Standing[]

  constructor(rules: readonly Rule[], standings: readonly Standing[]) {
    this.#rules = rules
    this.#standings = standings
    const decides = standings.lastIndexOf('covers')
    this.selected = decides !== -1 && rules[decides]?.takesOut === false
    // What the deciding rule takes out, only a later one can take in again.
    this.canHold = this.selected || rules.some((rule, at) => at > decides && !rule.takesOut && isAlive(standings[at]))
  }

  child(name: string): SelectedPath {
    return new Path(
      this.#rules,
      this.#standings.map((standing, at) => {
        const automaton = this.#rules[at]?.automaton
        if (standing === 'covers' || automaton == null || standing.waiting.length === 0) return standing
        const position = automaton.advance(standing, name)
        return position.ended ? 'covers' : automaton.advance(position, '/')
      }),
    )
  }
}

function isAlive(standing: Standing | undefined): boolean {
  return standing === 'covers' || (standing !== undefined && standing.waiting.length > 0)
}
