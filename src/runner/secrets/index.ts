/** Secrets of a build, for one step at a time. */
export {
  placeSecretFiles,
  removeSecretFiles,
  SECRETS_FOLDER,
  SECRETS_FOLDER_BYTES,
  type SecretFile,
  type SecretsSandbox,
} from './secret-files.js'
export { selectStepSecrets, type StepSecrets } from './step-secrets.js'
