import { textProblem } from './option.js'
import { textMapOption } from './text-map.js'

/** `MAX_ARG_STRLEN` of Linux without the closing NUL: one `NAME=value` or one argument (execve(2), "Limits on size"). */
export const MAX_ARGUMENT_BYTES = 131_071

const MAX_VARIABLES = 4096
const MAX_ENV_BYTES = 1024 * 1024

/** `env`: the whole environment, empty by default; nothing of the host's is ever added. */
export function envOption() {
  return textMapOption({
    type: 'object of strings',
    allowed: `names without '=' or NUL and texts without NUL, each pair at most 131,071 bytes, at most 4,096 pairs and 1MiB in all`,
    nameProblem: (name) => {
      if (name === '') return 'it is empty'
      if (name.includes('=')) return "'=' ends a name in the environment"
      return textProblem(name, MAX_ARGUMENT_BYTES)
    },
    valueProblem: (value, name) => textProblem(value, MAX_ARGUMENT_BYTES - Buffer.byteLength(name) - 1),
    maxEntries: MAX_VARIABLES,
    maxTotalBytes: MAX_ENV_BYTES,
  })
}
