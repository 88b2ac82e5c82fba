/** The names that were used, as a tree that opens and closes. */
import { UNRESOLVED, type FileMark, type FileNode, type FileTree } from './file-tree.js'
import { countOf, formatCount, guestText, Html, html } from './html.js'

/** What each letter means, in the order of the badges. */
const MARKS: Readonly<Record<FileMark, string>> = {
  x: 'executed',
  r: 'read',
  w: 'written',
  c: 'created',
  d: 'removed',
  n: 'renamed',
  m: 'metadata changed',
  l: 'looked at',
}

/** Folders up to this many entries are open from the start. */
const OPEN_ENTRIES = 40

function entriesOf(marks: FileNode['marks']): [FileMark, number][] {
  return (Object.keys(MARKS) as FileMark[]).flatMap((mark) => {
    const count = marks[mark]
    return count === undefined ? [] : [[mark, count] satisfies [FileMark, number]]
  })
}

function renderBadges(node: FileNode): Html[] {
  const badges = entriesOf(node.marks).map(([mark, count]) => {
    const title = `${MARKS[mark]} ${count === 1 ? 'once' : `${formatCount(count)} times`}`
    const times = count === 1 ? null : html`<small>${formatCount(count)}</small>`
    return html`<abbr class="m-${mark}" title="${title}">${mark}${times}</abbr>`
  })
  const refusal = (count: number, word: string): void => {
    if (count > 0)
      badges.push(html`<abbr class="no" title="${countOf(count, 'access', 'accesses')} ${word}">${word}</abbr>`)
  }
  refusal(node.violations, 'not allowed')
  refusal(node.refused, 'refused')
  if (isMissing(node)) badges.push(html`<abbr class="gone" title="no access found it">not there</abbr>`)
  return badges
}

function isMissing(node: FileNode): boolean {
  return node.accesses > 0 && node.absent === node.accesses
}

/** A folder with one entry and nothing else to tell is shown together with that entry. */
function joinSingle(node: FileNode): { name: string; node: FileNode } {
  let name = node.name
  let last = node
  while (last.accesses === 0 && last.children?.size === 1) {
    const [child] = last.children.values()
    if (child === undefined) break
    name = `${name}${name.endsWith('/') ? '' : '/'}${child.name}`
    last = child
  }
  return { name, node: last }
}

interface Sums {
  readonly files: number
  /** Names that an access found. */
  readonly present: number
  readonly refused: number
}

function sum(node: FileNode, sums: Map<FileNode, Sums>): Sums {
  let files = node.accesses > 0 ? 1 : 0
  let present = files > 0 && !isMissing(node) ? 1 : 0
  let refused = node.refused + node.violations
  for (const child of node.children?.values() ?? []) {
    const of = sum(child, sums)
    files += of.files
    present += of.present
    refused += of.refused
  }
  const own = { files, present, refused }
  sums.set(node, own)
  return own
}

/** `unit2.c` before `unit10.c`. */
const order = new Intl.Collator('en', { numeric: true })

/** Folders first, then by name. */
function sortChildren(node: FileNode): FileNode[] {
  const rank = (child: FileNode): number => (child.children === null ? 1 : 0)
  return [...(node.children?.values() ?? [])].sort((a, b) => rank(a) - rank(b) || order.compare(a.name, b.name))
}

function renderNode(given: FileNode, depth: number, sums: Map<FileNode, Sums>, out: string[]): void {
  const { name, node } = joinSingle(given)
  const facts = `${node.accesses > 0 ? ' data-used' : ''}${node.refused + node.violations > 0 ? ' data-refused' : ''}${isMissing(node) ? ' data-missing' : ''}`
  const label = html`${guestText(name, 600)} <span class="badges">${renderBadges(node)}</span>`.text
  if (node.children === null) {
    out.push(`<li${facts}>${label}</li>\n`)
    return
  }
  const { files, present, refused } = sums.get(node) ?? { files: 0, present: 0, refused: 0 }
  const small = depth < 3 && node.children.size <= OPEN_ENTRIES && depth + files < OPEN_ENTRIES
  const open = depth === 0 || refused > 0 || (small && present > 0)
  const below = html`<span class="below">${countOf(files, 'name')}</span>`.text
  out.push(`<li${facts}><details${open ? ' open' : ''}><summary>${label} ${below}</summary><ul>\n`)
  for (const child of sortChildren(node)) renderNode(child, depth + 1, sums, out)
  out.push('</ul></details></li>\n')
}

/** The tree, its legend, and the filter that the page's script makes work. */
export function renderFiles(tree: FileTree): Html {
  const out: string[] = []
  const sums = new Map<FileNode, Sums>()
  for (const root of [tree.root, tree.unresolved]) {
    sum(root, sums)
    if (root.name === UNRESOLVED && root.children === null) continue
    renderNode(root, 0, sums, out)
  }
  if (tree.files === 0) return html`<p class="note">No file was touched.</p>`
  const legend = (Object.entries(MARKS) as [FileMark, string][]).map(
    ([mark, meaning]) => html`<span><abbr class="m-${mark}" title="${meaning}">${mark}</abbr> ${meaning}</span>`,
  )
  const hidden =
    tree.hidden === 0
      ? null
      : html`<p class="note">${countOf(tree.hidden, 'access', 'accesses')} to further names not shown.</p>`
  return html`<p class="key">${legend}</p>
    <form class="filter" id="filter" role="search" aria-label="Files" hidden>
      <label class="box"
        ><span class="away">Show only names with</span
        ><input type="search" id="text" placeholder="Filter names" autocomplete="off" spellcheck="false"
      /></label>
      <label><input type="checkbox" id="refused" /> Only refused or not allowed</label>
      <label><input type="checkbox" id="present" /> Only what was there</label>
      <span class="buttons"
        ><button type="button" id="expand">Open all</button><button type="button" id="collapse">Close all</button></span
      >
      <output id="shown" for="text refused present" aria-live="polite"></output>
    </form>
    <ul class="tree" id="tree">
      ${new Html(out.join(''))}
    </ul>
    <p class="note" id="nothing" hidden>No name matches.</p>
    ${hidden}`
}
