import { describe, expect, it, test } from 'vitest'
import { SourceError } from '../../../../src/errors.js'
import { maskSecrets, parseGitAddress } from '../../../../src/runner/sources/git-address.js'
import { Git } from '../../../../src/runner/sources/git-command.js'

describe('the address of a repository', () => {
  it('over HTTP gives up its name and password for a header', () => {
    const address = parseGitAddress('https://me:s%2Fecret@example.org:8443/a/b.git?key=value#part')
    expect(address).toMatchObject({
      url: 'https://example.org:8443/a/b.git?key=value',
      shown: 'https://***@example.org:8443/a/b.git?***',
      protocol: 'https',
      authorization: `Basic ${Buffer.from('me:s/ecret').toString('base64')}`,
    })
    expect(maskSecrets('s/ecret s%2Fecret me key=value bWU6cy9lY3JldA==', address.secrets)).toBe('*** *** me *** ***')
  })

  it('can have a token in the place of the name', () => {
    const address = parseGitAddress('https://ghp_token@example.org/a')
    expect(address).toMatchObject({ url: 'https://example.org/a', shown: 'https://***@example.org/a' })
    expect(maskSecrets('no ghp_token', address.secrets)).toBe('no ***')
  })

  it('of ssh keeps its name, which says where to log in', () => {
    const address = parseGitAddress('ssh://git:word@example.org:22/~x/y')
    expect(address).toMatchObject({ url: 'ssh://git@example.org:22/~x/y', authorization: null, protocol: 'ssh' })
  })

  it('of a file names no host', () => {
    expect(parseGitAddress('file:///srv/a%20b')).toMatchObject({ url: 'file:///srv/a%20b', shown: 'file:///srv/a%20b' })
    expect(() => parseGitAddress('file://server/share')).toThrow(SourceError)
  })

  it.each([
    'ssh://-oProxyCommand=x/y',
    'ssh://-o@host/y',
    'git://',
    'https://',
    'ext::sh -c x',
    'no url',
    'ftp://x/y',
    '',
  ])('%s is none', (text) => {
    expect(() => parseGitAddress(text)).toThrow(SourceError)
  })

  it('that cannot be read is not shown', () => {
    expect(() => parseGitAddress('https://me:secret@[bad/x')).toThrow(/^the git URL cannot/)
  })
})

test.each(['git', 'setpriv', 'prlimit'])('without %s it says what to install', (missing) => {
  const place = {
    repository: '/r',
    home: '/h',
    protocol: 'https' as const,
    maxBytes: 1,
    secrets: [],
    shown: '',
    signal: AbortSignal.timeout(1_000),
  }
  const make = () => new Git(place, (name) => (name === missing ? null : `/usr/bin/${name}`))
  expect(make).toThrow(SourceError)
  expect(make).toThrow(/apt-get install/)
})
