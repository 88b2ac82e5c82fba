import { resolve } from 'node:path'
import { ESLint } from 'eslint'
import { beforeAll, expect, test } from 'vitest'

/** Files that exist, because the parser asks the type checker; their text is replaced. */
const files = {
  policy: 'src/policy/container-spec.ts',
  protocol: 'src/protocol/frame.ts',
  image: 'src/image/elf.ts',
  docker: 'src/driver/docker/endpoint.ts',
  sandbox: 'src/sandbox/outcome.ts',
  options: 'src/options/size.ts',
  cli: 'src/cli/exit-code.ts',
  index: 'src/index.ts',
} as const

let linter: ESLint
beforeAll(() => {
  linter = new ESLint({ overrideConfig: { linterOptions: { reportUnusedDisableDirectives: 'off' } } })
})

async function complaints(file: string, text: string, rule: string): Promise<string[]> {
  const [result] = await linter.lintText(text, { filePath: resolve(file) })
  return (result?.messages ?? []).filter(({ ruleId }) => ruleId === rule).map(({ message }) => message)
}

const directions = '@typescript-eslint/no-restricted-imports'

test.each([
  [files.docker, "import '../../image/elf.js'"],
  [files.docker, "import '../../sandbox/outcome.js'"],
  [files.image, "import { x } from '../driver/driver.js'"],
  [files.image, "import 'dockerode'"],
  [files.options, "import '../policy/seccomp.js'"],
  [files.policy, "import type { SandboxDriver } from '../driver/driver.js'"],
  [files.sandbox, "import '../cli/exit-code.js'"],
  [files.sandbox, "import '../index.js'"],
  [files.protocol, "import 'node:fs'"],
  [files.protocol, "import '../options/size.js'"],
  [files.index, "import './cli/exit-code.js'"],
])('%s may not have %s', async (file, text) => {
  expect(await complaints(file, text, directions)).toHaveLength(1)
})

test.each([
  [files.docker, "import '../../policy/seccomp.js'\nimport 'dockerode'"],
  [files.image, "import type { ImageStore } from '../driver/driver.js'"],
  [files.sandbox, "import '../driver/driver.js'\nimport '../image/elf.js'\nimport '../errors.js'"],
  [files.protocol, "import { Buffer } from 'node:buffer'\nimport '../errors.js'\nimport '../printable.js'"],
  [files.cli, "import '../index.js'\nimport '../sandbox/outcome.js'"],
])('%s may have %s', async (file, text) => {
  expect(await complaints(file, text, directions)).toEqual([])
})

test('a cycle is found', async () => {
  // src/options/size.ts imports ./option.js: with this text option.ts imports it back.
  const text = "import { parseSize } from './size.js'\nexport const x = parseSize"
  expect(await complaints('src/options/option.ts', text, 'import-x/no-cycle')).toHaveLength(1)
})

test.each([
  ['no-console', 'console.log(1)'],
  ['@typescript-eslint/no-explicit-any', 'export const x: any = 1'],
  ['@typescript-eslint/no-floating-promises', 'Promise.resolve(1)'],
  ['@typescript-eslint/consistent-type-imports', "import { Readable } from 'node:stream'\nexport type X = Readable"],
])('%s is on', async (rule, text) => {
  expect(await complaints(files.policy, text, rule)).toHaveLength(1)
})
