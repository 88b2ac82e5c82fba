/** `docs/protocol.md` is what a stranger implements: its numbers and names are those of the code. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as limits from '../../../src/protocol/limits.js'
import { JsonRpcErrorCode } from '../../../src/protocol/index.js'
import { exposeControl } from '../../../src/shovel/control.js'

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')
const caps = page.slice(page.indexOf('## Caps'), page.indexOf('## Violations'))

/** Matters of one side, which a peer cannot see. */
const PRIVATE = ['FRAME_HEADER_BYTES', 'SMALL_PIECE_BYTES', 'GATHER_BYTES']

test.each(Object.entries(limits).filter(([name]) => !PRIVATE.includes(name)))('%s', (_name, value) => {
  expect(caps).toMatch(new RegExp(`\\| ${value.toLocaleString('en')}( bytes| characters)? +\\|`))
})

test.each(Object.values(JsonRpcErrorCode))('the error %d', (code) => {
  expect(page).toContain(String(code).replace('-', '−'))
})

test('every control method of the shovel', () => {
  const names: string[] = []
  const peer = { expose: (name: string) => names.push(name) }
  exposeControl(...([peer, {}] as unknown as Parameters<typeof exposeControl>))
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(page).toContain(`| \`${name}\` `)
})
