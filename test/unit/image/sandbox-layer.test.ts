import { readFileSync, realpathSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../../../src/errors.js'
import { readElf } from '../../../src/image/elf.js'
import { patchLoader } from '../../../src/image/sandbox-layer.js'

describe('patchLoader', () => {
  const path = realpathSync(readElf(realpathSync(process.execPath))?.interpreter ?? '')
  const loader = readFileSync(path)

  it('replaces the one mention of the preload file and nothing else', () => {
    const patched = patchLoader(loader, path)
    expect(patched.length).toBe(loader.length)
    expect(patched.includes('/etc/ld.so.preload')).toBe(false)
    expect(patched.includes('/.sandbox/preload\0\0')).toBe(true)
    const at = loader.indexOf('/etc/ld.so.preload')
    expect(patched.subarray(0, at).equals(loader.subarray(0, at))).toBe(true)
    expect(patched.subarray(at + 18).equals(loader.subarray(at + 18))).toBe(true)
  })

  it.each([
    ['none', Buffer.from('\0nothing\0')],
    ['two', Buffer.from('\0/etc/ld.so.preload\0/etc/ld.so.preload\0')],
    ['one and another spelling', Buffer.from('\0/etc/ld.so.preload\0/usr/etc/ld.so.preload\0')],
    ['one that is no whole string', Buffer.from('\0/etc/ld.so.preload.d\0')],
  ])('refuses a loader with %s', (_, bytes) => {
    expect(() => patchLoader(bytes, '/lib/ld.so')).toThrow(ImageError)
  })
})
