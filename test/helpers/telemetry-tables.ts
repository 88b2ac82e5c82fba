/** The tables of docs/observability.md, made of what the source says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { CHANNELS, COUNTERS, GAUGES, HISTOGRAMS, SPANS } from '../../src/telemetry/index.js'
import type { AllowedAttributes } from '../../src/telemetry/instruments.js'
import { labelName, prometheusName } from '../../src/telemetry/prometheus-names.js'

const MESSAGES = join(import.meta.dirname, '../../src/telemetry/messages.ts')

interface Instrument {
  readonly unit: string
  readonly description: string
  readonly attributes: AllowedAttributes
}

/** The tables by the word that marks their place. */
export function telemetryTables(): Readonly<Record<string, string>> {
  return {
    spans: table(
      ['Span', 'Around'],
      Object.entries(SPANS).map(([name, what]) => [`\`${name}\``, what]),
    ),
    counters: instrumentTable(COUNTERS, true),
    histograms: instrumentTable(HISTOGRAMS, false),
    gauges: instrumentTable(GAUGES, false),
    channels: table(
      ['Channel', 'When', 'Message'],
      Object.entries(CHANNELS).map(([name, when]) => [`\`${name}\``, when, fieldsOf(messageTypes().get(name) ?? '')]),
    ),
  }
}

function instrumentTable(instruments: Readonly<Record<string, Instrument>>, isCounter: boolean): string {
  const rows = Object.entries(instruments).map(([name, { unit, description, attributes }]) => [
    `\`${name}\` (${unit})<br>\`${prometheusName(name, unit, isCounter)}\``,
    description,
    Object.entries(attributes)
      .map(([key, values]) => `\`${labelName(key)}\`${values === null ? '' : `: ${values.join(', ')}`}`)
      .join('<br>') || '–',
  ])
  return table(['Metric', 'What', 'Labels'], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const source = ts.createSourceFile(MESSAGES, readFileSync(MESSAGES, 'utf8'), ts.ScriptTarget.ES2023, true)

const interfaces = new Map(
  source.statements.filter(ts.isInterfaceDeclaration).map((declaration) => [declaration.name.text, declaration]),
)

function membersOf(name: string): readonly ts.PropertySignature[] {
  const declaration = interfaces.get(name)
  const parents = declaration?.heritageClauses?.flatMap(({ types }) => types.map((type) => type.getText())) ?? []
  return [...parents.flatMap(membersOf), ...(declaration?.members.filter(ts.isPropertySignature) ?? [])]
}

/** The name of the message's interface, by channel. */
function messageTypes(): ReadonlyMap<string, string> {
  return new Map(
    membersOf('ChannelMessages').map(({ name, type }) => [name.getText().slice(1, -1), type?.getText() ?? '']),
  )
}

function fieldsOf(name: string): string {
  return membersOf(name)
    .map((member) => `\`${member.name.getText()}\`: ${member.type?.getText() ?? ''}`)
    .join(', ')
}
