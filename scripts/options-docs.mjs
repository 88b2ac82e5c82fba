// Writes docs/options.md from the schemas in src/options: node scripts/options-docs.mjs
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

// Inside node_modules, so that the bundle finds its dependencies from where it lies.
const folder = await mkdtemp(join(root, 'node_modules', '.options-docs-'))
try {
  const outfile = join(folder, 'reference.mjs')
  const entry = join(root, 'src', 'options', 'reference.ts')
  await build({ entryPoints: [entry], outfile, bundle: true, packages: 'external', platform: 'node', format: 'esm' })
  const { renderOptionsReference } = await import(pathToFileURL(outfile).href)
  await writeFile(join(root, 'docs', 'options.md'), renderOptionsReference())
} finally {
  await rm(folder, { recursive: true, force: true })
}
