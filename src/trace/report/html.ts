/**
 * HTML from text that an attacker chose.
 *
 * There is one way to make HTML here: the tag {@link html}. It escapes every string that is put into it, so that
 * forgetting to escape shows `<b>` on the page instead of running it. Only what the tag itself made goes in as it is.
 */
import { printableName } from '../printable-name.js'

/** Longest text of a guest in one place. */
const MAX_TEXT_CHARS = 1_000

/** HTML that {@link html} made. */
export class Html {
  constructor(readonly text: string) {}
}

/** What can be put into a template. */
export type HtmlValue = string | number | Html | readonly Html[] | null

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

function insert(value: HtmlValue): string {
  if (value === null) return ''
  if (typeof value === 'string') return escapeHtml(printableName(value, MAX_TEXT_CHARS))
  if (typeof value === 'number') return String(value)
  if (value instanceof Html) return value.text
  return value.map((part) => part.text).join('')
}

const withoutIndent = new WeakMap<TemplateStringsArray, readonly string[]>()

/** A page has thousands of rows: the indent of the source is left out. */
function compact(parts: TemplateStringsArray): readonly string[] {
  let compacted = withoutIndent.get(parts)
  if (compacted === undefined) {
    compacted = parts.map((part) => part.replace(/\s*\n\s*/g, '\n'))
    withoutIndent.set(parts, compacted)
  }
  return compacted
}

/** A template tag. Strings are made printable and escaped, both for content and for attributes in quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const [first = '', ...others] = compact(parts)
  let text = first
  values.forEach((value, at) => (text += insert(value) + (others[at] ?? '')))
  return new Html(text)
}

const CHARACTERS = /[^\p{M}]\p{M}*|\p{M}+/gsu

/**
 * Text of a guest in an element of its own. What was escaped in it is marked, so that it is told from a name that really
 * has a backslash in it.
 */
export function guestText(text: string, maxChars = MAX_TEXT_CHARS): Html {
  const cut = text.length > maxChars ? text.slice(0, maxChars) : text
  let shown: string
  if (printableName(cut, maxChars) === cut) shown = escapeHtml(cut)
  else {
    shown = ''
    let escaped = ''
    const flush = (): void => {
      if (escaped !== '') shown += `<i>${escapeHtml(escaped)}</i>`
      escaped = ''
    }
    for (const [character] of cut.matchAll(CHARACTERS)) {
      const safe = printableName(character, maxChars)
      if (safe === character) {
        flush()
        shown += escapeHtml(character)
      } else escaped += safe
    }
    flush()
  }
  const rest = text.length - cut.length
  const note = rest > 0 ? `<i>… ${formatCount(rest)} more</i>` : ''
  return new Html(`<code>${shown}${note}</code>`)
}

/** `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 file`, `12 files`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** `0.4 ms`, `123 ms`, `12.3 s`, `3 min 12 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`
  return `${Math.floor(milliseconds / 60_000)} min ${Math.floor((milliseconds % 60_000) / 1_000)} s`
}

/** An offset from the start: `0.012 s`. */
export function formatOffset(milliseconds: number): string {
  return `${(Math.max(0, milliseconds) / 1_000).toFixed(3)} s`
}
