/** The public names of the image part, for the other folders. */
export { ImageBuilder } from './image-builder.js'
export type { ImageBuilderOptions, ImageRequest, PreparedImage } from './image-builder.js'
export { GUEST_PATHS } from './sandbox-layer.js'
export { ensureToolchain } from './toolchain.js'
export type { Toolchain } from './toolchain.js'
