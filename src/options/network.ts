import { textOption } from './option.js'

/** No interface but loopback. */
export const DEFAULT_NETWORK = 'none'

/** Names that an engine gives to networks (moby, `names.RestrictedNamePattern`). */
const NETWORK_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

/** `network`: `none`, or a network that exists on the engine. The host's own is never given. */
export function networkOption() {
  return textOption(
    { type: 'string', allowed: "'none' or the name of a network of the engine, never 'host'" },
    (name) => {
      if (name === 'host') return "it would share the host's network with the guest"
      if (name === 'default') return "name the network itself, for example 'bridge'"
      if (/^(container|ns|service):/.test(name)) return 'it would share the network of something else'
      return NETWORK_NAME_PATTERN.test(name) ? null : "a name is made of letters, digits, '_', '.' and '-', at most 128"
    },
  )
}
