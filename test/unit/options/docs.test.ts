import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DEFAULT_LIMITS, sandboxOptionsSchema } from '../../../src/options/index.js'
import { renderOptionsReference } from '../../../src/options/reference.js'
import { objectSchemaOf } from '../../../src/options/schema-walk.js'

const page = readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8')

test('docs/options.md is what the schemas say; else run: node scripts/options-docs.mjs', () => {
  expect(page).toBe(renderOptionsReference())
})

test('every option has a type, what is allowed, a default and a meaning', () => {
  const names = [...Object.keys(objectSchemaOf(sandboxOptionsSchema)?.shape ?? {}), ...Object.keys(DEFAULT_LIMITS)]
  for (const name of names) expect(page).toContain(`\n| \`${name}\` | `)
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(names.length)
  for (const row of rows)
    expect(
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .every((cell) => cell.trim() !== ''),
    ).toBe(true)
})
