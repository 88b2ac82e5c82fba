import type { z } from 'zod'
import type { Authenticator } from '../users/authenticator.js'
import type { LoginGuard } from '../users/login-guard.js'
import type { UserDirectory } from '../users/user-directory.js'
import { objectOption, opaqueOption, textOption } from './option.js'
import { invalidOptions, parseOptions } from './parse.js'
import { parseSandboxOptions, type ResolvedSandboxOptions, type SandboxOptions } from './sandbox-options.js'
import { secretOption } from './secret.js'

const MAX_ORIGIN_CHARACTERS = 256

/** What `ContainerSandbox.login` takes besides the options of a sandbox. */
export const loginSchema = objectOption({
  username: secretOption('a text').describe(
    'Who logs in. Any text: one that nobody is called by fails like a wrong password.',
  ),
  password: secretOption('a text').describe('Checked and forgotten. It reaches no argument, log, error or container.'),
  origin: textOption(
    { type: 'string', allowed: `a text of 1 to ${MAX_ORIGIN_CHARACTERS} characters, or null when it is not known` },
    (text) => (text === '' || text.length > MAX_ORIGIN_CHARACTERS ? `it has ${text.length} characters` : null),
  )
    .nullable()
    .default(null)
    .describe(
      'Where the attempt comes from, for example the address of the client. With it a user who has logged in from there before does not wait because of guesses from elsewhere.',
    ),
  directory: opaqueOption<UserDirectory>({ type: 'UserDirectory', allowed: 'a UserDirectory, or null' }, (value) =>
    hasMethod(value, 'lookup'),
  )
    .nullable()
    .default(null)
    .describe('Where accounts come from. Default: the unix accounts of this host.'),
  authenticator: opaqueOption<Authenticator>({ type: 'Authenticator', allowed: 'an Authenticator, or null' }, (value) =>
    hasMethod(value, 'authenticate'),
  )
    .nullable()
    .default(null)
    .describe('Who checks passwords. Default: the one that belongs to the directory; one of your own needs it.'),
  guard: opaqueOption<LoginGuard>({ type: 'LoginGuard', allowed: 'a LoginGuard, or null' }, (value) =>
    hasMethod(value, 'attempt'),
  )
    .nullable()
    .default(null)
    .describe('What slows down guessing. Default: one for all logins of this process.'),
}).readonly()

type OwnOptions = z.input<typeof loginSchema>
/** The same with every default filled in. */
export type ResolvedLoginOptions = Omit<z.output<typeof loginSchema>, 'username' | 'password'> & {
  readonly username: string
  readonly password: string
}

/** What a caller gives to `ContainerSandbox.login`: who logs in, and the options of the sandbox without `user`. */
export type LoginOptions = Omit<OwnOptions, 'username' | 'password'> &
  Omit<SandboxOptions, 'user'> & { readonly username: string; readonly password: string }

/** The two halves of what a caller gives to `ContainerSandbox.login`. */
export interface ParsedLogin {
  readonly login: ResolvedLoginOptions
  /** As the caller gave them; `parsed` is what they mean. */
  readonly sandbox: Omit<SandboxOptions, 'user'>
  readonly parsed: ResolvedSandboxOptions
}

/**
 * Checks both halves before anybody's password is looked at, so that wrong options tell nothing.
 * @throws {InvalidOptionsError} in which neither the name nor the password stands
 */
export function parseLoginOptions(raw: unknown): ParsedLogin {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    const issue = { path: '', got: 'something that is not shown', allowed: 'an object with options', hint: null }
    throw invalidOptions('login options', [issue])
  }
  const given = raw as Record<string, unknown>
  const own = Object.fromEntries(
    Object.keys(loginSchema.unwrap().shape).flatMap((key) => (key in given ? [[key, given[key]]] : [])),
  )
  const sandbox = Object.fromEntries(Object.entries(given).filter(([key]) => !(key in own)))
  const login = parseOptions(loginSchema, own, 'login options')
  if ('user' in sandbox) {
    const hint = 'the directory decides who the sandbox runs as'
    throw invalidOptions('login options', [{ path: 'user', got: 'a user', allowed: 'username and password', hint }])
  }
  return { login, sandbox, parsed: parseSandboxOptions(sandbox) }
}

function hasMethod(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  return typeof (value as Record<string, unknown>)[name] === 'function'
}
