/** Artifacts: what is kept of a workspace when a build has ended. */
export { collectArtifacts, PARTIAL_SUFFIX, type ArtifactRequest, type CollectedArtifacts } from './collect-artifacts.js'
