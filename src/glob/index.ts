/** Globs: their grammar and a matcher that no text can slow down. Both sides of the channel use them. */
export { compileGlob, type GlobMatcher } from './glob-matcher.js'
export { escapeGlob, GlobProblem, parseGlob, type GlobPart, type GlobRange } from './parse-glob.js'
export { compileSelection, selectionProblem, type SelectedPath } from './path-selection.js'
