/** What a build prints: masked, decoded, in pieces. */
export { forwardOutput } from './forward-output.js'
export { MAX_PIECE_UNITS, OutputDecoder } from './output-decoder.js'
export { SecretMasker } from './secret-masker.js'
