/** The public names of the image part, for the other folders. */
export type { HomeLimits } from './home-walk.js'
export { ImageBuilder } from './image-builder.js'
export type { ImageBuilderOptions, ImageRequest, PreparedImage } from './image-builder.js'
export { GUEST_PATHS } from './sandbox-layer.js'
export type { LayerMethod } from './layer-adder.js'
export { ensureToolchain } from './toolchain.js'
export type { Toolchain } from './toolchain.js'
