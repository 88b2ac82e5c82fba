import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import * as jail from '../../../src/compat/jail/index.js'
import * as jailkeeper from '../../../src/compat/jailkeeper/index.js'
import * as nodeSandbox from '../../../src/compat/node-sandbox/index.js'
import * as errors from '../../../src/errors.js'
import * as all from '../../../src/index.js'

const root = join(import.meta.dirname, '../../..')
const page = join(root, 'docs/api.md')
const text = readFileSync(page, 'utf8')

/** Every word of code of a text: names of values, types, members, events. */
function wordsOf(markdown: string): ReadonlySet<string> {
  const spans = [...markdown.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
  return new Set(spans.flatMap((span) => span.match(/[\w$]+/g) ?? []))
}

const words = wordsOf(text)
const parts = text.split(/^(?=#{2,3} )/m)
const sections = parts.map(wordsOf)

/** What of `names` stands in no section together with `title`; of the section that has the most. */
function missingBeside(title: string, names: readonly string[]): readonly string[] {
  const found = sections.filter((section) => section.has(title))
  const missing = found.map((section) => names.filter((name) => !section.has(name)))
  return missing.sort((one, other) => one.length - other.length)[0] ?? [`no section names ${title}`]
}

const source = (path: string): string => join(root, 'src', path)
const config: unknown = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config
const program = ts.createProgram([source('index.ts')], ts.parseJsonConfigFileContent(config, ts.sys, root).options)
const checker = program.getTypeChecker()

/** Everything that the main entry exports, values and types. */
const exported = exportsOf(source('index.ts'))

interface Export {
  readonly name: string
  readonly symbol: ts.Symbol
}

function exportsOf(entry: string): readonly Export[] {
  const file = program.getSourceFile(entry)
  const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
  if (module === undefined) throw new Error(`${entry} is no module`)
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  return checker.getExportsOfModule(module).map((symbol) => ({ name: symbol.name, symbol: resolve(symbol) }))
}

/** A member that this package declares and a caller may use. */
function isPublic(member: ts.Symbol): boolean {
  const declaration = member.declarations?.[0]
  if (declaration === undefined || !declaration.getSourceFile().fileName.startsWith(source(''))) return false
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected
  const isHidden = (ts.getCombinedModifierFlags(declaration) & hidden) !== 0 || /^(?:#|__@)/.test(member.name)
  return !isHidden && !member.getJsDocTags(checker).some(({ name }) => name === 'internal')
}

/** The members of a type, inherited and static ones included; of a union those of each part, or its texts. */
function membersOf(symbol: ts.Symbol): readonly string[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  const kinds = type.isUnion() ? type.types : [type]
  const own = symbol.flags & ts.SymbolFlags.Class ? [...kinds, checker.getTypeOfSymbol(symbol)] : kinds
  const members = own.flatMap((kind) => checker.getPropertiesOfType(kind).filter(isPublic))
  const texts = kinds.flatMap((kind) => (kind.isStringLiteral() ? [kind.value] : []))
  return [...new Set([...members.map(({ name }) => name), ...texts])]
}

/** The values of the member `type` of a union. */
function typesOf(symbol: ts.Symbol): readonly string[] {
  const declared = checker.getDeclaredTypeOfSymbol(symbol).getProperty('type')
  const type = declared === undefined ? undefined : checker.getTypeOfSymbol(declared)
  const literals = type?.isUnion() === true ? type.types : []
  return literals.flatMap((literal) => (literal.isStringLiteral() ? [literal.value] : []))
}

const isType = ({ flags }: ts.Symbol): boolean =>
  (flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) !== 0

/** Interfaces whose members other pages have (options, hooks, messages), or the types alone (what a driver is asked and reads back). */
const ELSEWHERE = ['options/', 'plugins/types.ts', 'telemetry/messages.ts', 'telemetry/channels.ts']
ELSEWHERE.push('driver/driver.ts', 'policy/')
const HERE = ['ContainerUsage', 'FairJobOptions', 'Mismatch', 'OptionIssue', 'PluginManifest', 'PruneReport']
HERE.push('SandboxDriver', 'TightenOptions', 'ToolchainPhase', 'ToolchainProgress')

function isDocumentedHere({ name, symbol }: Export): boolean {
  const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? ''
  const isElsewhere = ELSEWHERE.some((path) => file.startsWith(source(path)))
  return isType(symbol) && (!isElsewhere || HERE.includes(name)) && !(name in errors)
}

/** Marked `@internal` in the source, though they are methods of public classes. */
const INTERNAL = ['started', 'failed', 'exited', 'lose', 'credential', 'replaceHash']

describe('docs/api.md', () => {
  it('names every value that is exported', () => {
    const names = Object.keys(all)
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter((name) => !words.has(name))).toEqual([])
  })

  it('names every type that is exported', () => {
    const names = exported.filter(({ symbol }) => isType(symbol)).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['CommandResult', 'SandboxOptions', 'SandboxRpc', 'ExitReason']))
    expect(names.filter((name) => !words.has(name))).toEqual([])
  })

  it('names every value of the drop-ins', () => {
    const values = [jail, jailkeeper, nodeSandbox].flatMap((entry) => Object.keys(entry))
    const names = values.filter((name) => name !== 'default' && name !== 'module.exports')
    expect(names).toEqual(expect.arrayContaining(['jail', 'JailKeeper', 'Sandbox', 'wrapperFactory']))
    expect(names.filter((name) => !words.has(name))).toEqual([])
  })

  it.each(exported.filter(isDocumentedHere))('names the members of $name beside it', ({ name, symbol }) => {
    expect(missingBeside(name, membersOf(symbol))).toEqual([])
  })

  it.each([
    ['SandboxEvents', (symbol: ts.Symbol) => membersOf(symbol)],
    ['SandboxProcessEvents', (symbol: ts.Symbol) => membersOf(symbol)],
    ['BuildEventBody', typesOf],
  ] as const)('has a row for each event of %s and for no other', (name, eventsOf) => {
    const part = parts.find((each) => each.startsWith('### ') && each.split('\n', 1)[0]?.includes(`\`${name}\``)) ?? ''
    const cells = [...part.matchAll(/^\|([^|]+)\|/gm)].map(([, cell = '']) => cell).slice(2)
    const symbol = exported.find((each) => each.name === name)?.symbol
    expect([...wordsOf(cells.join())].sort()).toEqual(symbol === undefined ? [name] : [...eventsOf(symbol)].sort())
  })

  it('finds the members of classes, which this test stands on', () => {
    const found = (name: string): readonly string[] =>
      exported.flatMap((each) => (each.name === name ? membersOf(each.symbol) : []))
    for (const value of Object.values(all)) {
      if (typeof value !== 'function' || !/^class\b/.test(Function.prototype.toString.call(value))) continue
      const names = Object.getOwnPropertyNames(value.prototype as object).filter((name) => name !== 'constructor')
      const known = [...found(value.name), ...INTERNAL]
      expect(known, value.name).toEqual(expect.arrayContaining(names))
    }
    expect(found('FairQueue')).toEqual(expect.arrayContaining(['with', 'size', 'filter']))
    expect(found('SandboxProcess')).toEqual(expect.arrayContaining(['spawnargs', 'lost', 'stdio']))
    expect(found('BuildEventBody')).toEqual(expect.arrayContaining(['limitBytes', 'text']))
    expect(found('ExitReason')).toContain('lifetime')
  })

  it('links to headings that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)]
    expect(links.length).toBeGreaterThan(20)
    for (const [, path = '', anchor] of links) {
      const target = path === '' ? page : join(dirname(page), path)
      expect(existsSync(target), path).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(readFileSync(target, 'utf8')), `${path}#${anchor}`).toContain(anchor)
    }
  })
})

/** Of headings, as GitHub makes them. */
function anchorsOf(markdown: string): readonly string[] {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('the table of errors', () => {
  const table = text.slice(text.indexOf('\n## Errors\n'))
  const rows = new Map(
    [...table.matchAll(/^\| `(\w+)` +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm)].map(
      ([, name = '', code = '', when = '', retryable = '']) => [name, { code, when, retryable }],
    ),
  )
  const { SandboxError, ...classes } = errors
  const exit = { exitCode: null, signal: null, reason: 'killed' } as const
  /** Those that are not made of a message alone. */
  const made: Readonly<Record<string, errors.SandboxError>> = {
    PluginError: new errors.PluginError('plugin', null, 'message'),
    HostFileError: new errors.HostFileError('ENOENT', 'cannot read', '/path'),
    LoginFailedError: new errors.LoginFailedError(0),
    SandboxExitedError: new errors.SandboxExitedError('message', exit),
    RpcError: new errors.RpcError(-32601, 'message'),
    GuestFileError: new errors.GuestFileError('ENOENT', 'open', '/path'),
    SpawnError: new errors.SpawnError('ENOENT', '/path', []),
    CommandFailedError: new errors.CommandFailedError('message', null),
  }
  const sampleOf = (name: string): errors.SandboxError => {
    const Class = classes[name as keyof typeof classes] as new (message: string) => errors.SandboxError
    return made[name] ?? new Class('message')
  }

  it('has every class and no other', () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(classes).sort())
    expect(sections.at(-1)?.has('SandboxError')).toBe(true)
  })

  it.each(Object.keys(classes))('tells the code of %s, whether it is retryable, and what it has', (name) => {
    const error = sampleOf(name)
    const row = rows.get(name)
    expect(error).toBeInstanceOf(SandboxError)
    expect(row?.code).toBe(error.code === 'ENOENT' ? 'errno name' : `\`${error.code}\``)
    expect(row?.retryable).toMatch(error.retryable ? /^yes\b/ : /^no\b/)
    const symbol = exported.find((each) => each.name === name)?.symbol
    const inherited = ['code', 'details', 'retryable']
    const own = symbol === undefined ? [name] : membersOf(symbol).filter((member) => !inherited.includes(member))
    expect(own.filter((member) => !wordsOf(row?.when ?? '').has(member))).toEqual([])
  })

  it('tells every code that the package makes', () => {
    const codes = program
      .getSourceFiles()
      .filter(({ fileName }) => fileName.startsWith(source('')) && !fileName.startsWith(source('compat/')))
      .flatMap((file) => [...file.text.matchAll(/'(ERR_[A-Z_]+)'/g)].map(([, code = '']) => code))
    expect(codes).toEqual(expect.arrayContaining(['ERR_TRACE_POLICY', 'ERR_RESET', 'ERR_RUNNER_ENDED', 'ERR_RPC']))
    expect([...new Set(codes)].filter((code) => !words.has(code))).toEqual([])
  })
})
