/** One step of a build. */
import { z } from 'zod'
import { envOption, MAX_ARGUMENT_BYTES } from './env.js'
import { booleanOption, durationOption, objectOption, optionFacts, textOption, textProblem } from './option.js'
import { workspacePathOption } from './workspace-path.js'

const MAX_ARGUMENTS = 4096
const MAX_NAME_CHARACTERS = 128

/** The name of a secret; it is also the name of a variable and of a file. */
export function secretNameOption() {
  return textOption(
    { type: 'variable name', allowed: "a letter or '_', then letters, digits and '_', at most 128" },
    (name) => {
      // An object that is copied loses a member of this name.
      if (name === '__proto__') return '__proto__ is a member of every object'
      return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) ? null : 'it becomes the name of a variable'
    },
  )
}

function argumentOption() {
  return textOption({ type: 'string', allowed: 'a text without NUL of at most 131,071 bytes' }, (text) =>
    textProblem(text, MAX_ARGUMENT_BYTES),
  )
}

const RUN_ALLOWED = 'a script for /bin/sh, or an array of a program and its arguments'

function scriptOption() {
  return textOption({ type: 'string', allowed: 'a script without NUL of at most 131,071 bytes' }, (text) =>
    text.trim() === '' ? 'it is empty' : textProblem(text, MAX_ARGUMENT_BYTES),
  )
}

function programOption() {
  return z
    .array(argumentOption(), { error: RUN_ALLOWED })
    .min(1, { error: RUN_ALLOWED })
    .max(MAX_ARGUMENTS, { error: `a program and at most ${MAX_ARGUMENTS - 1} arguments` })
    .refine(([program]) => program !== '', { error: 'a program with a name' })
    .readonly()
}

const stepSecretSchema = objectOption({
  name: secretNameOption().describe('Name of the secret.'),
  as: z
    .enum(['env', 'file'], { error: "'env' or 'file'" })
    .register(optionFacts, { type: 'string', allowed: "`'env'`, `'file'`" })
    .default('env')
    .describe("`'env'`: a variable of this step. `'file'`: `/run/secrets/NAME` while this step runs."),
}).readonly()

const SECRETS_ALLOWED = "names of secrets, or { name, as: 'env' | 'file' }"

/** One entry of `steps`. */
export const buildStepSchema = objectOption({
  name: textOption({ type: 'string', allowed: `at most ${MAX_NAME_CHARACTERS} characters on one line` }, (name) =>
    name.length <= MAX_NAME_CHARACTERS && !/[\r\n\0]/.test(name) ? null : 'it stands in one line of the progress',
  )
    .nullable()
    .default(null)
    .describe('Shown in progress and logs. Default: the command, cut.'),
  run: z
    .union([scriptOption(), programOption()], { error: RUN_ALLOWED })
    .register(optionFacts, {
      type: 'string or array of strings',
      allowed: 'a script for `/bin/sh -e`, or a program and its arguments',
    })
    .describe('A text is run by `/bin/sh -e -c`, an array without a shell.'),
  env: envOption().prefault({}).describe("Variables on top of the build's."),
  secrets: z
    .array(
      z
        .union([secretNameOption(), stepSecretSchema], { error: SECRETS_ALLOWED })
        .transform((given) => (typeof given === 'string' ? stepSecretSchema.parse({ name: given }) : given)),
      { error: SECRETS_ALLOWED },
    )
    .max(64, { error: 'at most 64 secrets' })
    .register(optionFacts, { type: 'array', allowed: `at most 64 ${SECRETS_ALLOWED}` })
    .readonly()
    .prefault([])
    .describe('Secrets that this step gets.'),
  cwd: workspacePathOption().default('.').describe('Folder of the workspace that it starts in.'),
  timeoutMs: durationOption(1, "no limit but the build's")
    .nullable()
    .default(null)
    .describe('Wall time of the step with all its descendants.'),
  continueOnError: booleanOption()
    .default(false)
    .describe('Goes on with the next step when this one fails; the build can still succeed.'),
}).readonly()

/** What a caller gives as one step. */
export type BuildStep = z.input<typeof buildStepSchema>
/** The same, checked and completed. */
export type ResolvedBuildStep = z.output<typeof buildStepSchema>
