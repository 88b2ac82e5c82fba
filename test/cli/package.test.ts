/** The package as users get it: packed, and imported from a project that has nothing but it. */
import { execFile } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }

const execute = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const project = mkdtempSync(join(tmpdir(), 'cli-package-'))
const installed = join(project, 'node_modules', packageJson.name)
let packed: string[] = []

beforeAll(async () => {
  // The build is there already: prepack would only repeat it.
  const pack = await execute('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
    cwd: root,
  })
  const [report] = JSON.parse(pack.stdout) as [{ filename: string; files: { path: string }[] }]
  packed = report.files.map(({ path }) => path)
  mkdirSync(installed, { recursive: true })
  await execute('tar', ['-xzf', join(project, report.filename), '-C', installed, '--strip-components=1'])
  // What npm install would put beside it, without a registry. Types of our own dependencies are not among that.
  for (const name of [...Object.keys(packageJson.dependencies), '@types/node']) {
    const link = join(project, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link)
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

async function runScript(name: string, source: string): Promise<string> {
  writeFileSync(join(project, name), source)
  return (await execute(process.execPath, [name], { cwd: project })).stdout
}

test('it holds what it needs and nothing else', () => {
  const folders = new Set(packed.map((path) => path.split('/')[0]))
  expect([...folders].sort()).toEqual([
    'Dockerfile.runner',
    'LICENSE',
    'README.md',
    'dist',
    'docs',
    'images',
    'package.json',
  ])
  expect(packed).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js']))
  expect(packed.filter((path) => /\.(test|tsbuildinfo)|(^|\/)\.(?!dockerignore)/.test(path))).toEqual([])
})

test('every public name can be imported', async () => {
  const names = JSON.parse(
    await runScript(
      'names.js',
      "import * as all from 'container-sandbox'\nconsole.log(JSON.stringify(Object.keys(all)))",
    ),
  ) as string[]
  const expected = [
    'ContainerSandbox',
    'DockerDriver',
    'SandboxError',
    'EngineUnavailableError',
    'sandboxOptionsSchema',
  ]
  expect(names).toEqual(expect.arrayContaining(expected))
})

test('nothing but the public names can be imported', async () => {
  await expect(runScript('deep.js', "import 'container-sandbox/dist/errors.js'")).rejects.toThrow(
    /ERR_PACKAGE_PATH_NOT_EXPORTED/,
  )
})

test('its types stand alone', async () => {
  const source = `
    import { ContainerSandbox, InvalidOptionsError, type CommandResult, type SandboxOptions } from 'container-sandbox'
    const options: SandboxOptions = { user: 'alice', limits: { memoryBytes: '256MiB' } }
    export async function main(): Promise<string> {
      await using sandbox = await ContainerSandbox.create(options)
      sandbox.rpc.expose('addOne', (n: number) => n + 1)
      const result: CommandResult<string> = await sandbox.run('true', [], { timeoutMs: 1_000 })
      return result.stdout
    }
    // @ts-expect-error: an option that does not exist
    export const wrong: SandboxOptions = { memory: 1 }
    export const kind: string = new InvalidOptionsError('x').code
  `
  writeFileSync(join(project, 'types.ts'), source)
  const compilerOptions = {
    ...{ target: 'ES2023', lib: ['ES2023', 'ESNext.Disposable'], module: 'nodenext', types: ['node'] },
    ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false },
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }))
  const compiled = execute(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project])
  const output = await compiled.then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { stdout: string }).stdout,
  )
  // Other packages' own declarations are not our business.
  const ours = output.split('\n').filter((line) => /^(types\.ts|node_modules\/container-sandbox)/.test(line))
  expect(ours).toEqual([])
})

test('the command is there and can be executed', async () => {
  const command = join(installed, packageJson.bin['container-sandbox'])
  accessSync(command, constants.X_OK)
  expect((await execute(command, ['--version'])).stdout).toBe(`${packageJson.version}\n`)
})

test('it runs a sandbox', async () => {
  const stdout = await runScript(
    'sandbox.js',
    `import { ContainerSandbox } from 'container-sandbox'
     const sandbox = await ContainerSandbox.create()
     try {
       const { stdout } = await sandbox.shell('echo packed')
       console.log(stdout.trim())
     } finally {
       await sandbox.kill()
     }
     process.exit()`,
  )
  expect(stdout).toBe('packed\n')
})
