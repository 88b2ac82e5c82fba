/** What a build prints: masked, decoded, in pieces. */
export { DEFAULT_LINGER_MS, forwardOutput, type ForwardOptions } from './forward-output.js'
export { maskFile } from './mask-file.js'
export { MAX_PIECE_UNITS, OutputDecoder } from './output-decoder.js'
export { MaskedStream, SecretMasker } from './secret-masker.js'
