import type { ResolvedBuildStep } from '../../options/build-step.js'
import type { SecretFile } from './secret-files.js'

/** What one step gets. */
export interface StepSecrets {
  /** Variables of this step's command alone. */
  readonly env: Readonly<Record<string, string>>
  /** For `placeSecretFiles`. */
  readonly files: readonly SecretFile[]
}

/**
 * The secrets that a step names; nothing of the others. A name can be both, a variable and a file.
 * @param secrets - all of the build; one that is not there is left out, which the options do not let happen
 */
export function selectStepSecrets(
  wanted: ResolvedBuildStep['secrets'],
  secrets: Readonly<Record<string, string>>,
): StepSecrets {
  const given = wanted.flatMap(({ name, as }) => {
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined
    return value === undefined ? [] : [{ name, as, value }]
  })
  const files = new Map(given.filter(({ as }) => as === 'file').map(({ name, value }) => [name, { name, value }]))
  const env = Object.fromEntries(given.filter(({ as }) => as === 'env').map(({ name, value }) => [name, value]))
  return { env, files: [...files.values()] }
}
