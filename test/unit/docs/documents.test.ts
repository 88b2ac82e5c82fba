import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const read = (path: string) => readFileSync(join(root, path), 'utf8')

describe.each(documents)('%s', (path) => {
  const text = read(path)

  it('shows its examples as they stand in their files, which are run as tests', () => {
    const examples = [...text.matchAll(/<!-- (docs\/examples\/\S+) -->\s*```js\n(.*?)```/gs)]
    for (const [, file = '', code] of examples) expect(code, file).toBe(read(file))
    const blocks = text.match(/```(js|ts)\n/g) ?? []
    expect(examples, 'every block of code is an example with a file').toHaveLength(blocks.length)
  })

  it('links only to what is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link)
    for (const link of links) expect(existsSync(join(root, dirname(path), link)), link).toBe(true)
  })
})
