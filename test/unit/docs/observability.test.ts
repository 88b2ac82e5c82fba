import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { expect, it } from 'vitest'
import { SPANS } from '../../../src/telemetry/index.js'
import { telemetryTables } from '../../helpers/telemetry-tables.js'

const root = join(import.meta.dirname, '../../..')
const path = join(root, 'docs/observability.md')

it('the tables say what the source says; else run: npx vitest run --project unit test/unit/docs/observability.test.ts -u', async () => {
  let page = readFileSync(path, 'utf8')
  for (const [name, table] of Object.entries(telemetryTables())) {
    const place = new RegExp(`(<!-- table: ${name} -->\n)[^]*?(?=<!-- end -->)`)
    expect(page).toMatch(place)
    page = page.replace(place, (_, mark: string) => `${mark}\n${table}\n\n`)
  }
  const formatted = await format(page, { ...(await resolveConfig(path)), parser: 'markdown' })
  await expect(formatted).toMatchFileSnapshot(path)
})

/** All texts in the source that `pattern` finds. */
function foundInSource(pattern: RegExp): string[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      [...readFileSync(join(root, 'src', name), 'utf8').matchAll(pattern)].map(([, text = '']) => text),
    )
}

it('every span that the source makes is in the table', () => {
  const made = foundInSource(/\b(?:startSpan|withSpan)(?:<[^>]*>)?\(\s*'([^']+)'/g)
  expect(made).toEqual(expect.arrayContaining(['container_sandbox.command', 'container_sandbox.engine.request']))
  for (const span of made) expect(Object.keys(SPANS)).toContain(span)
})

it('every attribute, metric and span that the source names is on the page', () => {
  const page = readFileSync(path, 'utf8')
  const names = [...new Set(foundInSource(/'(container_sandbox\.[a-z_.]+)'/g))]
  expect(names).toEqual(expect.arrayContaining(['container_sandbox.build.tenant', 'container_sandbox.limit.hits']))
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})
