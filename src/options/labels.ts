import { textProblem } from './option.js'
import { textMapOption } from './text-map.js'

/** Every label of the package starts with this. They say whom a container belongs to, so a user's label may not pose as one. */
export const LABEL_PREFIX = 'container-sandbox.'

const MAX_LABELS = 64
const MAX_LABEL_NAME_BYTES = 128
const MAX_LABEL_VALUE_BYTES = 4096

/** `labels`: put on the container, for the caller's own tools. */
export function labelsOption() {
  return textMapOption({
    type: 'object of strings',
    allowed: `at most ${MAX_LABELS}; names of up to ${MAX_LABEL_NAME_BYTES} letters, digits, '.', '_', '/' and '-'; texts of up to 4,096 bytes without NUL`,
    nameProblem: (name) => {
      if (name.toLowerCase().startsWith(LABEL_PREFIX)) return `${LABEL_PREFIX} is reserved for the package`
      if (name.length > MAX_LABEL_NAME_BYTES) return `it has ${name.length} characters`
      return /^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/.test(name) ? null : 'begin and end with a letter or digit'
    },
    valueProblem: (value) => textProblem(value, MAX_LABEL_VALUE_BYTES),
    maxEntries: MAX_LABELS,
    maxTotalBytes: 64 * 1024,
  })
}
