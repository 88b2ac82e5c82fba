/**
 * YAML, and JSON as the part of YAML that it is, as plain data with the place of each value.
 *
 * Theory of operation. The text may be anybody's. Its tokens and its depth are counted while it is read, before anything is
 * built of it: neither a bomb of brackets nor one of anchors gets as far as memory or the stack. Of YAML 1.2 what makes data out
 * of text in other ways is left out: tags, merge keys, several documents.
 */
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type CST,
  type Document,
  type ParsedNode,
} from 'yaml'
import { formatPath } from '../../options/index.js'
import { TextProblem, type Place } from './text-place.js'

/** A build of 256 steps with all their variables has a tenth of this. */
const MAX_LEXEMES = 150_000
/** Values after aliases are followed; more than a file can hold without them. */
const MAX_VALUES = 50_000
/** How often one file refers to an anchor. */
const MAX_ALIASES = 1_000
/** Options of a build have a third of this. */
const MAX_DEPTH = 32

const COMPOSER_OPTIONS = Object.freeze({
  version: '1.2',
  schema: 'core',
  merge: false,
  resolveKnownTags: false,
  // The reader below looks for keys that stand twice; this would compare each with each.
  uniqueKeys: false,
  prettyErrors: false,
  strict: true,
  logLevel: 'silent',
} as const)

/** What a text holds. */
export interface YamlData {
  readonly value: unknown
  /** Places of values by path, written as in messages: `steps[0].run`. */
  readonly places: ReadonlyMap<string, Place>
  /** Places of keys by the same paths. */
  readonly keys: ReadonlyMap<string, Place>
}

type Node = ParsedNode | null | undefined

/** @throws {TextProblem} with the place of the first thing that is wrong */
export function parseYaml(text: string): YamlData {
  const composer = new Composer<ParsedNode>(COMPOSER_OPTIONS)
  const [first, second] = composer.compose(readTokens(text), true, text.length)
  if (first === undefined) throw new TextProblem('it is empty', { start: 0, end: 0 })
  const [error] = first.errors
  if (error !== undefined) throw new TextProblem(explain(error.message), { start: error.pos[0], end: error.pos[1] })
  if (second !== undefined)
    throw new TextProblem('a second document begins here: a file holds one build', placeOf(second.contents))
  const { explicit, version } = first.directives.yaml
  if (explicit === true && version !== '1.2')
    throw new TextProblem('only YAML 1.2 is read: leave %YAML out', { start: 0, end: 0 })
  return new Reader(first).read()
}

function readTokens(text: string): CST.Token[] {
  const tokens: CST.Token[] = []
  const parser = new Parser()
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    lexemes += 1
    const place = { start: parser.offset, end: parser.offset }
    // The composer calls itself for each level; the parser does not. A level takes two places of its stack at most.
    if (parser.stack.length > MAX_DEPTH * 2 + 2) throw new TextProblem(TOO_DEEP, place)
    if (lexemes > MAX_LEXEMES) throw new TextProblem('so many words and signs are no build', place)
  }
  tokens.push(...parser.end())
  return tokens
}

const TOO_DEEP = `it is nested deeper than ${MAX_DEPTH} levels`

/** Makes data of nodes. */
class Reader {
  readonly #document: Document.Parsed<ParsedNode, true>
  readonly #anchors = new Map<string, ParsedNode>()
  readonly #places = new Map<string, Place>()
  readonly #keys = new Map<string, Place>()
  #values = 0
  #aliases = 0

  constructor(document: Document.Parsed<ParsedNode, true>) {
    this.#document = document
  }

  read(): YamlData {
    const { contents } = this.#document
    const value = this.#value(contents, [], placeOf(contents))
    return { value, places: this.#places, keys: this.#keys }
  }

  /** @param place - where it is said to stand: its own place, or that of its key when it has none */
  #value(node: Node, path: readonly PropertyKey[], place: Place): unknown {
    this.#values += 1
    if (this.#values > MAX_VALUES) throw new TextProblem('so many values are no build', place)
    if (path.length > MAX_DEPTH) throw new TextProblem(TOO_DEEP, place)
    if (isAlias(node)) return this.#follow(node.source, path, place)
    this.#places.set(formatPath(path), place)
    if (node === null || node === undefined) return null
    if (node.tag !== undefined) throw new TextProblem('tags are not read: leave it out, and put texts in quotes', place)
    // Before its content is read, as YAML has it: an alias inside its own anchor ends at the cap of depth.
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return node.value
    if (isSeq(node))
      return (node.items as Node[]).map((item, index) => this.#value(item, [...path, index], placeOf(item, place)))
    if (isMap(node)) return this.#members(node.items, path)
    throw new TextProblem('this is not read', place)
  }

  #members(pairs: readonly { readonly key: Node; readonly value: Node }[], path: readonly PropertyKey[]): unknown {
    const members = new Map<string, unknown>()
    for (const { key, value } of pairs) {
      const keyPlace = placeOf(key)
      const name = keyText(key, keyPlace)
      if (members.has(name)) throw new TextProblem('this key stands here twice', keyPlace)
      const inner = [...path, name]
      this.#keys.set(formatPath(inner), keyPlace)
      const place = placeOf(value, keyPlace)
      members.set(name, this.#value(value, inner, place.start === place.end ? keyPlace : place))
    }
    // Makes a member also of what is called `__proto__`.
    return Object.fromEntries(members)
  }

  #follow(name: string, path: readonly PropertyKey[], place: Place): unknown {
    this.#aliases += 1
    if (this.#aliases > MAX_ALIASES) throw new TextProblem('so many aliases are not followed', place)
    const target = this.#anchors.get(name)
    if (target === undefined) throw new TextProblem('no anchor of this name stands before it', place)
    // The alias counts as a level, so that one inside its own anchor ends.
    return this.#value(target, path, placeOf(target))
  }
}

function keyText(key: Node, place: Place): string {
  if (!isScalar(key)) throw new TextProblem('a key is a text', place)
  if (key.tag !== undefined || key.anchor !== undefined)
    throw new TextProblem('a key is a text, and nothing more', place)
  const text = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
  if (text === '<<') throw new TextProblem("merge keys ('<<') are not read: write the members out", place)
  return text
}

function placeOf(node: Node, otherwise: Place = { start: 0, end: 0 }): Place {
  const range = node?.range
  return range === undefined || range === null ? otherwise : { start: range[0], end: range[1] }
}

/** What the parser's words leave open. */
const HINTS: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/^Nested mappings are not allowed/, "a second ': ' here: put the text in quotes, or mend the indentation"],
  [/^Block collections are not allowed within flow/, 'a comma or a quote is missing'],
  [/^Plain value cannot start with/, 'a text that begins so stands in quotes'],
  [/^Tabs are not allowed/, 'a tab is no indentation: use spaces'],
  [/^Unexpected \S+ (?:token|at node end)/, 'not expected here: before it something is missing, or one too many'],
  [/^Missing closing (?:"|')/, 'the quote that closes the text is missing'],
]

function explain(message: string): string {
  const hint = HINTS.find(([pattern]) => pattern.test(message))
  return hint?.[1] ?? message.charAt(0).toLowerCase() + message.slice(1)
}
