/** What `BuildRunner.submit` takes. */
import { z } from 'zod'
import { baseOption } from './base.js'
import { globsOption } from './build-globs.js'
import { buildSourceSchema } from './build-source.js'
import { buildStepSchema, secretNameOption } from './build-step.js'
import { envOption } from './env.js'
import { labelsOption } from './labels.js'
import { limitsSchema } from './limits.js'
import {
  abortSignalOption,
  booleanOption,
  choiceOption,
  durationOption,
  integerOption,
  numberOption,
  objectOption,
  optionFacts,
  textOption,
  textProblem,
} from './option.js'
import { parseOptions } from './parse.js'
import { secretOption } from './secret.js'
import { sizeOption } from './size.js'
import { tenantOption } from './tenant-name.js'
import { traceSchema } from './trace-options.js'
import { workspacePathOption } from './workspace-path.js'

const MAX_STEPS = 256
const MAX_CACHES = 16
const MAX_SECRETS = 64
/** A secret is kept in memory and looked for in every byte of output. */
const MAX_SECRET_BYTES = 64 * 1024

/** All secrets of a build: its tables for masking are made before its first step, which takes a second for 4 MiB. */
const MAX_ALL_SECRETS_BYTES = 512 * 1024

/** Shorter texts would mask half of every log. */
export const MIN_SECRET_CHARACTERS = 4

/** Long enough for most test suites, short enough that a build that hangs is noticed the same day. */
export const DEFAULT_BUILD_TIMEOUT_MS = 30 * 60_000

/** One entry of `caches`. */
export const buildCacheSchema = objectOption({
  key: textOption(
    { type: 'string', allowed: "1 to 128 letters, digits, '_', '.' and '-', the first neither '.' nor '-'" },
    // Neither '.' nor '..', nor an option of a command.
    (key) => (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(key) ? null : 'a key is a plain name'),
  ).describe('Name of the cache. The same key of another tenant is another cache.'),
  path: workspacePathOption().describe(
    'Folder of the workspace that is restored before the steps and saved after them.',
  ),
  files: z
    .array(workspacePathOption(), { error: 'an array of workspace paths' })
    .max(64, { error: 'at most 64 paths' })
    .register(optionFacts, { type: 'array of workspace paths', allowed: 'at most 64' })
    .readonly()
    .prefault([])
    .describe(
      'Files whose content is part of the key, such as a lock file. One that changed finds the newest of the same key (`fallback`) and is saved anew.',
    ),
  fallback: booleanOption()
    .default(true)
    .describe('Restores the newest cache of the same key when there is none for these contents.'),
}).readonly()

/** `artifacts` in its long form. */
export const buildArtifactsSchema = objectOption({
  paths: globsOption
    .prefault([])
    .describe(
      'What is kept of the workspace. `*` and `?` stay within a name, `**` stands for any folders; names with a dot in front are like all others. A folder that matches is kept with all it holds; links are not followed. A glob with `!` takes out what it matches; of two that match, the later one decides.',
    ),
  when: choiceOption(['success', 'always']).default('success').describe('Whether a failed build keeps them too.'),
  maxBytes: sizeOption(0, 1024 ** 4)
    .default(1024 ** 3)
    .describe('The most bytes; more fails the build.'),
  maxFiles: integerOption({ min: 1, max: 10_000_000, unit: 'files, folders and links' })
    .default(10_000)
    .describe('The most entries; more fails the build. Their names may have 16 MiB together, some 100,000 usual ones.'),
}).readonly()

/** `workspace`: where the steps run. */
export const buildWorkspaceSchema = objectOption({
  sizeBytes: sizeOption(1024 ** 2, 1024 ** 4, 'half of `limits.memoryBytes`')
    .nullable()
    .default(null)
    .describe(
      'Size; the kernel refuses more with ENOSPC. In memory it counts towards `limits.memoryBytes` while it is filled.',
    ),
  backing: choiceOption(['auto', 'memory', 'disk'])
    .default('auto')
    .describe(
      "`'memory'`: a tmpfs. `'disk'`: a file system of its own on this host's disk, whose size is reserved; `doctor` tells whether this host can. `'auto'`: memory up to half of `limits.memoryBytes`, else disk.",
    ),
}).readonly()

const artifactsOption = z
  .union([globsOption, buildArtifactsSchema], {
    error: 'an array of globs, or { paths, when, maxBytes, maxFiles }',
  })
  .transform((given) => ('paths' in given ? given : buildArtifactsSchema.parse({ paths: given })))
  .register(optionFacts, { type: 'array of globs or object', allowed: 'globs, or an object as below' })

/** Secrets by name. The texts never stand in a message. */
const secretsOption = z
  .record(
    secretNameOption(),
    secretOption(
      `a text of ${MIN_SECRET_CHARACTERS} characters to ${MAX_SECRET_BYTES} bytes without NUL`,
      isPossibleSecret,
    ),
    {
      error: 'an object of texts by name',
    },
  )
  .refine((secrets) => Object.keys(secrets).length <= MAX_SECRETS, { error: `at most ${MAX_SECRETS} secrets` })
  .refine((secrets) => totalBytes(secrets) <= MAX_ALL_SECRETS_BYTES, {
    error: `secrets of at most ${MAX_ALL_SECRETS_BYTES} bytes together`,
  })
  .register(optionFacts, {
    type: 'object of strings',
    allowed: `at most ${MAX_SECRETS}; names as of variables; texts of ${MIN_SECRET_CHARACTERS} characters to 64KiB, 512KiB together`,
  })

/** One build. */
export const buildOptionsSchema = objectOption({
  tenant: tenantOption().describe(
    'Whom the build belongs to: its share of the queue, its caches. `acme/alice` shares what `acme` may use.',
  ),
  source: buildSourceSchema.nullable().default(null).describe('What the workspace holds at first. Default: nothing.'),
  steps: z
    .array(buildStepSchema, { error: 'an array of steps' })
    .min(1, { error: 'at least one step' })
    .max(MAX_STEPS, { error: `at most ${MAX_STEPS} steps` })
    .register(optionFacts, { type: 'array of steps', allowed: `1 to ${MAX_STEPS}` })
    .readonly()
    .describe('What is done, one after the other. The first that fails ends the build.'),
  env: envOption().prefault({}).describe("Variables of every step. Nothing of the host's is added."),
  secrets: secretsOption
    .prefault({})
    .describe(
      'Texts by name. A step gets those that it names, as variables or as files of a tmpfs; in output they are replaced by `***`.',
    ),
  limits: limitsSchema
    .nullable()
    .default(null)
    .describe(
      "As of a sandbox. Default: the runner's; an object replaces them as a whole, so what it leaves out has the default of a sandbox. `lifetimeMs` is at least `timeoutMs` and half an hour. `scratchBytes` holds for `/tmp`, which has at most a quarter of `memoryBytes`, as `/dev/shm` has at most an eighth. `outputBytes` has no effect: see `logBytes` of the runner.",
    ),
  workspace: buildWorkspaceSchema
    .nullable()
    .default(null)
    .describe("Size and kind of the workspace. Default: the runner's; an object replaces them as a whole."),
  base: baseOption().nullable().default(null).describe("What the sandbox is made of. Default: the runner's."),
  caches: z
    .array(buildCacheSchema, { error: 'an array of { key, path, files, fallback }' })
    .max(MAX_CACHES, { error: `at most ${MAX_CACHES} caches` })
    .register(optionFacts, { type: 'array of caches', allowed: `at most ${MAX_CACHES}, each key once` })
    .readonly()
    .prefault([])
    .describe('Folders that the next build of the same tenant begins with. Only a successful build saves.'),
  artifacts: artifactsOption.prefault([]).describe('What is kept of the workspace when the build has ended.'),
  trace: traceSchema.prefault(false).describe('As of a sandbox. A violation that kills makes the outcome `jailbreak`.'),
  timeoutMs: durationOption(1)
    .default(DEFAULT_BUILD_TIMEOUT_MS)
    .describe('From the start of the first step to the end of the last.'),
  priority: integerOption({ min: -100, max: 100, unit: "higher is earlier, among this tenant's own builds" })
    .default(0)
    .describe('Order among the builds of the same tenant; it takes nothing from others.'),
  cost: numberOption({ min: 0.01, max: 1000, unit: 'builds of usual size' })
    .default(1)
    .describe(
      "What the build counts against its tenant's share; times its memory, where that is more than the runner's `limits` give.",
    ),
  labels: labelsOption().prefault({}).describe('For your own tools: on the container, in the state of the build.'),
  signal: abortSignalOption().nullable().default(null).describe('Cancels the build, waiting or running.'),
})
  .superRefine((build, context) => {
    if (build.trace?.log != null) {
      const hint = 'the log of a trace is not masked; what was seen is in `trace.json` beside the log of the build'
      context.addIssue({
        code: 'custom',
        path: ['trace', 'log'],
        input: build.trace.log,
        message: 'null',
        params: { hint },
      })
    }
    const known = Object.keys(build.secrets)
    build.steps.forEach((step, index) => {
      for (const [position, secret] of step.secrets.entries()) {
        // What is wrong in itself has an issue of its own.
        const name = (secret as Partial<typeof secret> | undefined)?.name
        if (name === undefined || known.includes(name)) continue
        context.addIssue({
          code: 'custom',
          path: ['steps', index, 'secrets', position],
          input: name,
          message: `a name of \`secrets\`: ${known.join(', ') || 'there are none'}`,
        })
      }
    })
    const keys = build.caches.map(({ key }) => key)
    keys.forEach((key, index) => {
      if (keys.indexOf(key) !== index)
        context.addIssue({ code: 'custom', path: ['caches', index, 'key'], input: key, message: 'each key once' })
    })
  })
  .readonly()

/** What a caller gives to `submit`. */
export type BuildOptions = z.input<typeof buildOptionsSchema>
/** The same, checked and completed. */
export type ResolvedBuildOptions = z.output<typeof buildOptionsSchema>
/** One cache of a build. */
export type ResolvedBuildCache = z.output<typeof buildCacheSchema>
/** What is kept of a workspace. */
export type ResolvedBuildArtifacts = z.output<typeof buildArtifactsSchema>
/** Size and kind of a workspace. */
export type ResolvedBuildWorkspace = z.output<typeof buildWorkspaceSchema>

/** @throws {InvalidOptionsError} listing every issue */
export function parseBuildOptions(raw: unknown): ResolvedBuildOptions {
  return parseOptions(buildOptionsSchema, raw, 'build')
}

/** What is wrong in itself has an issue of its own. */
function totalBytes(secrets: Readonly<Record<string, unknown>>): number {
  return Object.values(secrets).reduce<number>(
    (sum, text) => sum + (typeof text === 'string' ? Buffer.byteLength(text) : 0),
    0,
  )
}

function isPossibleSecret(text: string): boolean {
  return text.length >= MIN_SECRET_CHARACTERS && textProblem(text, MAX_SECRET_BYTES) === null
}
