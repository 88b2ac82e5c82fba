import { resolve } from 'node:path'
import { MAX_PATH_BYTES } from './guest-path.js'
import { textOption, textProblem } from './option.js'

/** A path of this host, made absolute against the working folder. Whether it exists is seen when it is used. */
export function hostPathOption(what: string) {
  const allowed = `the path of ${what} on this host, at most ${MAX_PATH_BYTES} bytes`
  return textOption({ type: 'host path', allowed }, (path) =>
    path === '' ? 'it is empty' : textProblem(path, MAX_PATH_BYTES),
  ).transform((path) => resolve(path))
}
