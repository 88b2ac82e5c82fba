/**
 * Builds everything that the package ships.
 *
 *     node scripts/build.mjs              TypeScript to dist/, the guest's files to dist/guest/
 *     node scripts/build.mjs --c-only     dist/guest/init and dist/guest/tracer alone
 *
 * The guest's files are `init` and `tracer` (static binaries of this machine's architecture, from C), and `shovel.cjs`,
 * `program.cjs` and the drop-ins' `jail.cjs` and `node-sandbox.cjs` (one file each, since a sandbox has no node_modules). `CC`
 * names the C compiler, default `cc`; it may hold arguments.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const guest = join(root, 'dist', 'guest')
/** Folders of C sources, by the program that is made of them. */
const programs = { init: join(root, 'images', 'runner', 'init'), tracer: join(root, 'images', 'tracer') }
const bundles = {
  shovel: 'src/shovel/main.ts',
  program: 'src/shovel/program/main.ts',
  jail: 'src/compat/jail/guest/main.ts',
  'node-sandbox': 'src/compat/node-sandbox/guest/main.ts',
}
const cFlags = ['-std=c11', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror']

const compilerHint = `The package's init and tracer are compiled from C, statically linked. Install a C compiler and a static libc:
  Debian, Ubuntu: apt-get install gcc libc6-dev
  Fedora, RHEL:   dnf install gcc glibc-static
  Alpine:         apk add gcc musl-dev
or name another compiler in CC, for example CC=musl-gcc.`

/** What a failing step says; shown without a stack. */
class BuildFailure extends Error {}

/** Files of sources that were removed must not be packed. The others stay where they are: somebody may be running them. */
function removeStale() {
  const dist = join(root, 'dist')
  for (const name of readdirSync(dist, { recursive: true })) {
    const source = name.replace(/(?:\.js|\.js\.map|\.d\.ts)$/, '.ts')
    const isOurs = source !== name && !name.startsWith('guest/')
    if (isOurs && !existsSync(join(root, 'src', source))) rmSync(join(dist, name))
  }
}

function compileTypeScript() {
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
  } catch {
    throw new BuildFailure('TypeScript: see the messages above.')
  }
  chmodSync(join(root, 'dist/cli/main.js'), 0o755)
  removeStale()
}

async function bundleGuest() {
  const missing = Object.values(bundles).filter((entry) => !existsSync(join(root, entry)))
  if (missing.length > 0) throw new BuildFailure(`The guest's sources are missing: ${missing.join(', ')}.`)
  const { build } = await import('esbuild')
  await build({
    absWorkingDir: root,
    entryPoints: bundles,
    outdir: guest,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // The text stays in memory as long as the process; names are kept for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: false,
    logLevel: 'warning',
  }).catch((error) => {
    throw new BuildFailure(`The guest's bundles: ${error.message}`)
  })
}

/** Changes when the sources, the compiler's name or its arguments do. */
function programKey(folder, files, compiler) {
  const hash = createHash('sha256').update(JSON.stringify([compiler, cFlags, process.arch]))
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)))
  return hash.digest('hex')
}

function runCompiler(compiler, folder, output, sources) {
  const [file, ...leading] = compiler
  try {
    execFileSync(file, [...leading, ...cFlags, '-o', output, ...sources], { cwd: folder, stdio: 'pipe' })
  } catch (error) {
    if (error.code === 'ENOENT') throw new BuildFailure(`No C compiler: '${file}' is not there.\n${compilerHint}`)
    const words = String(error.stderr ?? error.message).trim()
    const noLibc = /cannot find -lc\b|unable to find library -lc\b|fatal error: \S+\.h: No such file/.test(words)
    throw new BuildFailure(`The C compiler failed:\n${words}${noLibc ? `\n\n${compilerHint}` : ''}`)
  }
}

function compileProgram(name, folder) {
  const compiler = (process.env.CC || 'cc').split(/\s+/).filter(Boolean)
  const files = readdirSync(folder)
    .filter((file) => /\.[ch]$/.test(file))
    .sort()
  const output = join(guest, name)
  const stamp = join(root, '.cache', `${name}.key`)
  const key = programKey(folder, files, compiler)
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return
  mkdirSync(guest, { recursive: true })
  mkdirSync(join(root, '.cache'), { recursive: true })
  const partial = `${output}.${process.pid}`
  const sources = files.filter((file) => file.endsWith('.c'))
  try {
    runCompiler(compiler, folder, partial, sources)
    renameSync(partial, output)
  } finally {
    rmSync(partial, { force: true })
  }
  writeFileSync(stamp, key)
}

const { values } = parseArgs({ options: { 'c-only': { type: 'boolean', default: false } } })
try {
  for (const [name, folder] of Object.entries(programs)) compileProgram(name, folder)
  if (!values['c-only']) {
    compileTypeScript()
    await bundleGuest()
  }
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
