import { textOption } from './option.js'

/** The base that is packed from the running host and needs no registry. */
export const DEFAULT_BASE = 'runner'

/**
 * An image reference: `[domain[:port]/]path[:tag][@digest]`.
 * Source: distribution/reference, `regexp.go` (grammar in `reference.go`).
 */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const DOMAIN_COMPONENT = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const DOMAIN = `(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?`
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}'
const DIGEST = 'sha256:[a-f0-9]{64}'
const REFERENCE_PATTERN = new RegExp(`^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::${TAG})?(?:@${DIGEST})?$`)
const IMAGE_ID_PATTERN = new RegExp(`^${DIGEST}$`)

/** Longest name without tag and digest (distribution/reference, `RepositoryNameTotalLengthMax`). */
const MAX_NAME_CHARACTERS = 255

/** `base`: what the user's image starts from. */
export function baseOption() {
  return textOption(
    {
      type: 'string',
      allowed: "'runner', 'host', 'toolchain', or an image reference such as 'debian:bookworm' or 'sha256:…'",
    },
    baseProblem,
  )
}

function baseProblem(base: string): string | null {
  if (base === '') return "it is empty; leave it out for 'runner'"
  // The length first: the pattern then has a bounded input.
  if (base.length > MAX_NAME_CHARACTERS + 1 + 128 + 1 + 71) return `it has ${base.length} characters`
  if (IMAGE_ID_PATTERN.test(base)) return null
  const match = REFERENCE_PATTERN.exec(base)
  if (match !== null)
    return (match[1] ?? '').length <= MAX_NAME_CHARACTERS ? null : 'its name has more than 255 characters'
  if (/[A-Z]/.test(base) && REFERENCE_PATTERN.test(base.toLowerCase())) return 'the name of an image has no upper case'
  return 'it is not of the form [registry/]name[:tag][@sha256:…]'
}
