/** The labels by which this package knows its images. Values are claims of whoever made the image, never proof. */
import { LABEL_PREFIX } from '../options/index.js'
import { LABELS } from '../policy/labels.js'

/**
 * What an image of this package is: the runner base, what the host is mounted on, another base with `/.sandbox` on it, one with
 * a home, the tracer, or a toolchain.
 */
export type ImageKind = 'runner' | 'host' | 'base' | 'home' | 'tracer' | 'toolchain'

/** One of {@link ImageKind}. */
export const KIND_LABEL = `${LABEL_PREFIX}image-kind`
/** The content key that the image was made for. */
export const KEY_LABEL = `${LABEL_PREFIX}content-key`
/** JSON: from a path of the base that is a link to a folder to that folder, both relative to `/`. */
export const LINKS_LABEL = `${LABEL_PREFIX}root-links`

/** When a toolchain was made, ISO 8601: packed images all have one creation time. */
export const MADE_AT_LABEL = `${LABEL_PREFIX}made-at`
/** The release of Debian that a toolchain was made of. */
export const SUITE_LABEL = `${LABEL_PREFIX}suite`

/** All labels of an image, apart from those that are inherited from its base. */
export function imageLabels(
  kind: ImageKind,
  key: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { [LABELS.managed]: '1', [LABELS.role]: 'image', [KIND_LABEL]: kind, [KEY_LABEL]: key, ...more }
}

/** The tag under which an image is found again. */
export function imageTag(kind: ImageKind, key: string): string {
  return `container-sandbox/${kind}:${key}`
}
