import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBuildFile } from '../../../../src/cli/build/build-file.js'
import { composeBuild } from '../../../../src/cli/build/compose-build.js'

const root = join(import.meta.dirname, '../../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('docs/building.md shows the example as it stands in its file', () => {
  const [, shown] = /<!-- docs\/examples\/build\.yaml -->\s*```yaml\n(.*?)```/s.exec(read('docs/building.md')) ?? []
  expect(shown).toBe(read('docs/examples/build.yaml'))
})

test('the example is a build', async () => {
  const file = await readBuildFile(join(root, 'docs/examples/build.yaml'))
  const build = await composeBuild(file, {}, { PAGE_TOKEN: 'a token' })
  expect(build).toMatchObject({ source: { folder: join(root, 'docs/examples/project') }, timeoutMs: 600_000 })
})
