/**
 * The toolchain: a Debian with a compiler, make, git, Python and Node.js, made from packages of a mirror and put into the
 * engine as one layer. No registry takes part.
 *
 * Theory of operation. mmdebstrap installs packages into a folder and writes it as an archive to a file that has no name any
 * more, so that it is gone when this process is. The file is the layer, as it is. It is made to be the same bytes for the
 * same packages: `images/toolchain/customize.sh` sees to times and to what differs between machines. A tag carries the key
 * of the recipe, so a toolchain that the engine has costs one question.
 */
import type { FileHandle } from 'node:fs/promises'
import type { ImageFacts, ImageStore } from '../driver/driver.js'
import { ImageError } from '../errors.js'
import { TOOLCHAIN_PHASES, type ResolvedToolchainOptions, type ToolchainPhase } from '../options/index.js'
import { LABELS } from '../policy/labels.js'
import { hostArchitecture } from './base-checks.js'
import { imageLabels, imageTag, KEY_LABEL, KIND_LABEL, MADE_AT_LABEL, SUITE_LABEL } from './image-labels.js'
import { LayerAdder } from './layer-adder.js'
import { digestLayer, type Layer } from './tar-layer.js'
import { runBootstrap } from './toolchain-bootstrap.js'
import { openToolchainFolder } from './toolchain-folder.js'
import { toolchainRecipe, type ToolchainRecipe } from './toolchain-recipe.js'

/** A toolchain that the engine has. */
export interface Toolchain {
  /** The content id, `sha256:…`. */
  readonly id: string
  /** `container-sandbox/toolchain:<key>`. */
  readonly tag: string
  readonly suite: string
  /** The packages that were asked for, without what they depend on. */
  readonly packages: readonly string[]
  readonly sizeBytes: number
  /** Whether it had to be made. */
  readonly built: boolean
}

/** What mmdebstrap says when a phase begins. */
const PHASE_WORDS: readonly (readonly [ToolchainPhase, RegExp])[] = [
  ['index', /^I: running apt-get update/],
  ['download', /^I: downloading packages/],
  ['unpack', /^I: extracting archives/],
  ['essential', /^I: installing essential packages/],
  ['packages', /^I: installing remaining packages/],
  ['clean', /^I: running --customize-hook/],
  ['pack', /^I: creating tarball/],
]

/**
 * Makes sure that an engine has a toolchain.
 *
 * @throws {ImageError} when mmdebstrap or Debian's keys are missing, or it fails. Errors of the engine; the signal's reason;
 *   what `onProgress` throws.
 */
export async function ensureToolchain(store: ImageStore, options: ResolvedToolchainOptions): Promise<Toolchain> {
  const signal = options.signal ?? new AbortController().signal
  signal.throwIfAborted()
  const recipe = toolchainRecipe(options)
  const tag = imageTag('toolchain', recipe.key)
  const existing = await store.inspect(tag, signal)
  const built = existing?.labels[KEY_LABEL] !== recipe.key
  const facts = built ? await makeToolchain(store, recipe, { ...options, signal }) : existing
  const { suite } = options
  return { id: facts.id, tag, suite, packages: recipe.packages, sizeBytes: facts.sizeBytes, built }
}

/**
 * Finds what `base: 'toolchain'` stands for: of the toolchains that the engine has, the one that was made last.
 * @throws {ImageError} when there is none: a sandbox does not wait a minute for one without being asked.
 */
export async function newestToolchain(store: ImageStore, signal?: AbortSignal): Promise<string> {
  const images = await store.list({ [LABELS.managed]: '1', [KIND_LABEL]: 'toolchain' }, signal)
  // What somebody built on a toolchain inherits its labels, not its tag.
  const own = images.filter(({ labels, tags }) => {
    const tag = imageTag('toolchain', labels[KEY_LABEL] ?? '')
    return tags.some((candidate) => candidate === tag || candidate.endsWith(`/${tag}`))
  })
  const madeAt = (image: ImageFacts): number => Date.parse(image.labels[MADE_AT_LABEL] ?? '') || 0
  const [newest] = own.toSorted((a, b) => madeAt(b) - madeAt(a))
  if (newest !== undefined) return newest.id
  throw new ImageError(
    "The engine has no toolchain, which base: 'toolchain' needs. Make one, which takes about a minute: " +
      'run container-sandbox image toolchain, or call buildToolchain().',
    { details: { base: 'toolchain' } },
  )
}

async function makeToolchain(
  store: ImageStore,
  recipe: ToolchainRecipe,
  options: ResolvedToolchainOptions & { readonly signal: AbortSignal },
): Promise<ImageFacts> {
  const { suite, timeoutMs } = options
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const tell = progressTeller(options, (error) => failed.abort(error))
  const args = recipe.arguments()
  const folder = await openToolchainFolder()
  try {
    const onLine = (line: string): void => {
      const phase = PHASE_WORDS.find(([, words]) => words.test(line))?.[0]
      if (phase !== undefined) tell(phase)
    }
    const { environment } = recipe
    const { archive, path: tempDir } = folder
    await runBootstrap({ args, environment, archive: archive.fd, tempDir, timeoutMs, signal, onLine })
    tell('load')
    const layer = await fileLayer(archive)
    const digest = await digestLayer(layer, signal)
    // The role keeps it from `prune`, which takes images that are made again in a second.
    const more = { [LABELS.role]: 'toolchain', [MADE_AT_LABEL]: new Date().toISOString(), [SUITE_LABEL]: suite }
    const labels = imageLabels('toolchain', recipe.key, more)
    const tag = imageTag('toolchain', recipe.key)
    return await new LayerAdder(store).add({ base: nothing(), layer, digest, tag, labels }, signal)
  } finally {
    await folder[Symbol.asyncDispose]()
  }
}

/** Tells each phase once, and never one that comes before a phase that was told. `fail` hears of what the listener throws. */
function progressTeller(
  { onProgress }: ResolvedToolchainOptions,
  fail: (error: unknown) => void,
): (phase: ToolchainPhase) => void {
  const start = performance.now()
  let told = 0
  return (phase) => {
    const step = TOOLCHAIN_PHASES.indexOf(phase) + 1
    if (step <= told) return
    told = step
    try {
      onProgress?.({ phase, step, steps: TOOLCHAIN_PHASES.length, elapsedMs: performance.now() - start })
    } catch (error) {
      fail(error)
    }
  }
}

async function fileLayer(file: FileHandle): Promise<Layer> {
  const { size } = await file.stat()
  return {
    sizeBytes: size,
    open: (signal) => file.createReadStream({ start: 0, autoClose: false, highWaterMark: 256 * 1024, signal }),
  }
}

/** What the toolchain stands on: `FROM scratch`. */
function nothing(): ImageFacts {
  const architecture = hostArchitecture()
  return {
    ...{ id: 'scratch', tags: [], env: {}, volumes: [], onBuild: [], labels: {}, sizeBytes: 0, layers: [] },
    architecture,
  }
}
