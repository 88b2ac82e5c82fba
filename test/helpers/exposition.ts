/**
 * A strict reader of the text format of Prometheus 0.0.4. It takes less than Prometheus does: every family has its HELP and TYPE
 * once and in front, its samples stand together, no series comes twice, histograms are cumulative and complete.
 */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const VALUE = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/
const SUFFIXES = ['_bucket', '_sum', '_count']

/** @throws {Error} naming the line that breaks the format */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family & { samples: Sample[] }>()
  const series = new Set<string>()
  let current: (Family & { samples: Sample[] }) | null = null
  let help: { readonly name: string; readonly text: string } | null = null
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${JSON.stringify(line)}`)
    }
    if (line === '') continue
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line)
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment
      if (!NAME.test(name)) fail('a bad name')
      if (families.has(name)) fail('a second head of a family')
      if (kind === 'HELP') {
        if (help !== null) fail('two HELP lines')
        if (rest === '' || /\\(?![\\n])/.test(rest)) fail('a bad help text')
        help = { name, text: rest }
        continue
      }
      if (help?.name !== name) throw new Error(`no HELP before: ${line}`)
      if (!/^(?:counter|gauge|histogram)$/.test(rest)) fail('a bad type')
      current = { name, help: help.text, type: rest as Family['type'], samples: [] }
      families.set(name, current)
      help = null
      continue
    }
    const sample = SAMPLE.exec(line) ?? fail('no sample')
    const [, name = '', labelText, valueText = ''] = sample
    if (!VALUE.test(valueText)) fail('a bad value')
    const suffix = current?.type === 'histogram' ? SUFFIXES.find((end) => name === current?.name + end) : ''
    if (current === null || suffix === undefined || name !== current.name + suffix)
      fail('a sample outside of its family')
    const labels = parseLabels(labelText ?? '', fail)
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`
    if (series.has(key)) fail('a series twice')
    series.add(key)
    current?.samples.push({ name, labels, value: Number(valueText.replace('Inf', 'Infinity')) })
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family)
  return families
}

function parseLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const [whole, name = '', value = ''] = /^([^=]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest) ?? fail('bad labels')
    if (!LABEL_NAME.test(name) || name.startsWith('__')) fail('a bad label name')
    if (Object.hasOwn(labels, name)) fail('a label twice')
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    rest = rest.slice(whole.length)
  }
  return labels
}

function checkHistogram({ name, samples }: Family): void {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(Object.entries(labels).sort())
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name.endsWith('_bucket'))
    const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('Inf', 'Infinity')))
    const rises = (values: number[]) => values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0))
    const total = group.find((sample) => sample.name.endsWith('_count'))?.value
    if (!rises(bounds) || !rises(buckets.map(({ value }) => value))) throw new Error(`${name} is not cumulative`)
    if (bounds.at(-1) !== Infinity || buckets.at(-1)?.value !== total) throw new Error(`${name} has no whole count`)
    if (!group.some((sample) => sample.name.endsWith('_sum'))) throw new Error(`${name} has no sum`)
  }
}
