/** The end of a trace in a few lines. */
import type { TraceSummary } from '../../trace/index.js'
import { printableName } from '../../trace/printable-name.js'

/** How many names of one kind are listed. */
const MAX_NAMES = 5

/** `3 names`, `1 name`. */
function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

function listSome(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => printableName(name, 120))
  const rest = names.length - shown.length
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest.toLocaleString('en-US')} more` : ''}`
}

/** Lines without a final newline. */
export function formatSummary(summary: TraceSummary): string {
  const { counts, omitted } = summary
  const lines = [`traced ${countOf(counts.processes, 'process', 'processes')}, ${countOf(counts.events, 'event')}`]
  const line = (label: string, text: string): number => lines.push(`  ${label.padEnd(12)} ${text}`)
  const more = (count: number): string => (count > 0 ? `, and ${countOf(count, 'use')} of further ones` : '')
  for (const list of ['read', 'written', 'created', 'removed', 'renamed', 'metadata'] as const) {
    const names = summary[list]
    if (names.length > 0) line(list, `${countOf(names.length, 'name')}${more(omitted[list])}`)
  }
  const programs = summary.programs.map((program) => program.path)
  if (programs.length > 0) line('programs', `${listSome(programs)}${more(omitted.programs)}`)
  const connections = summary.connections.map(
    ({ address, results }) => `${address} (${Object.keys(results).join(', ')})`,
  )
  if (connections.length > 0) line('connections', `${listSome(connections)}${more(omitted.connections)}`)
  const refused = summary.refused.map(({ path, syscall, mode, errno }) =>
    path === null ? `${syscall} ${errno}` : `${mode ?? syscall} ${path} ${errno}`,
  )
  if (refused.length > 0) line('refused', `${listSome(refused)}${more(omitted.refused)}`)
  if (counts.unknownLines > 0) line('strace', `${countOf(counts.unknownLines, 'line')} not understood`)
  if (counts.violations > 0) {
    const names = summary.violations.map(({ mode, path, file }) => `${mode} ${path ?? file}`)
    line('not allowed', `${countOf(counts.violations, 'access', 'accesses')}: ${listSome([...new Set(names)])}`)
  }
  return lines.join('\n')
}
