import { describe, expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import {
  buildArgv,
  buildContainerSpec,
  type PolicyContext,
  type PolicyOptions,
} from '../../../src/policy/build-container-spec.js'
import { defaultShmBytes, scratchInodes } from '../../../src/policy/scratch.js'
import { CONTEXT, OPTIONS, SPEC } from './matching-observation.js'

const MIB = 1024 * 1024
const build = (options: Partial<PolicyOptions>, context: Partial<PolicyContext> = {}) =>
  buildContainerSpec({ ...OPTIONS, ...options }, { ...CONTEXT, ...context })
const limits = (changes: Partial<PolicyOptions['limits']>) => ({ limits: { ...OPTIONS.limits, ...changes } })

describe('buildContainerSpec', () => {
  test('starts the supervisor through the init and its own loader', () => {
    expect(buildArgv(5000).join(' ')).toMatch(
      /^\/\.sandbox\/bin\/init --lifetime-ms 5000 -- \/\.sandbox\/lib\/ld\.so --inhibit-cache --library-path \/\.sandbox\/lib \/\.sandbox\/bin\/node (--\S+ )+\/\.sandbox\/shovel\.cjs$/,
    )
  })

  test('gives each writable path and /tmp one tmpfs', () => {
    expect(build({ writable: ['/work'] }).scratch).toEqual([
      { target: '/work', sizeBytes: 16 * MIB, inodes: 4096, mode: 0o755, executable: true },
      { target: '/tmp', sizeBytes: 16 * MIB, inodes: 4096, mode: 0o1777, executable: true },
    ])
    expect(SPEC.scratch.filter((scratch) => scratch.target === '/tmp')).toHaveLength(1)
  })

  test('gives a path the size that is named for it, and the others their common one', () => {
    const scratch = build({ scratch: { '/work': 8 * MIB }, writable: ['/other', '/work'] }).scratch
    expect(Object.fromEntries(scratch.map(({ target, sizeBytes, inodes }) => [target, [sizeBytes, inodes]]))).toEqual({
      '/other': [16 * MIB, 4096],
      '/tmp': [16 * MIB, 4096],
      '/work': [8 * MIB, 2048],
    })
  })

  test('covers the volumes of an image with scratch', () => {
    expect(build({}, { volumes: ['/var/lib/db', '/work', '/cache'] }).scratch.map(({ target }) => target)).toEqual([
      '/tmp',
      '/work',
      '/var/lib/db',
    ])
  })

  test('bounds inodes by the size', () => {
    expect([1, 64 * MIB, 1024 ** 4].map(scratchInodes)).toEqual([1024, 16_384, 1_048_576])
  })

  test('takes an eighth of the memory for shared memory when none is given, at most 64 MiB', () => {
    expect([64 * MIB, 8 * 1024 * MIB].map(defaultShmBytes)).toEqual([8 * MIB, 64 * MIB])
    expect(build(limits({ shmBytes: null })).limits.shmBytes).toBe(64 * MIB)
  })

  test('refuses scratch that does not fit the memory, with the numbers', () => {
    const exact = limits({ memoryBytes: 2 * 16 * MIB + 8 * MIB })
    expect(() => build(exact)).not.toThrow()
    const less = limits({ memoryBytes: 2 * 16 * MIB + 8 * MIB - 1 })
    expect(() => build(less)).toThrow(
      /2 with 33554432 bytes in all\) and \/dev\/shm \(8388608 bytes\) can hold 41943040 bytes, more than limits\.memoryBytes \(41943039\)/,
    )
  })

  test('holds nothing of this process’ environment', () => {
    expect(build({}, { imageEnv: {} }).env).toEqual({})
    expect(SPEC.env).toEqual({ PATH: '/bin' })
  })

  test.each<[string, Partial<PolicyOptions>, Partial<PolicyContext>]>([
    ['root', {}, { uid: 0 }],
    ['root group', {}, { gid: 0 }],
    ['a negative uid', {}, { uid: -1 }],
    ['the uid that means no change', {}, { uid: 0xffff_ffff }],
    ['a broken uid', {}, { uid: Number.NaN }],
    ['the host network', { network: 'host' }, {}],
    ['another container’s network', { network: 'container:abc' }, {}],
    ['a namespace file', { network: 'ns:/proc/1/ns/net' }, {}],
    ['an empty network', { network: '' }, {}],
    ['a runtime path', { runtime: '../runc' }, {}],
    ...(['memoryBytes', 'pids', 'openFiles', 'scratchBytes', 'shmBytes', 'lifetimeMs', 'cpuCount'] as const).flatMap(
      (name) =>
        [0, -1, Number.NaN, Number.POSITIVE_INFINITY].map(
          (value): [string, Partial<PolicyOptions>, Partial<PolicyContext>] => [
            `${name} ${value}`,
            limits({ [name]: value }),
            {},
          ],
        ),
    ),
    ['less memory than engines take', limits({ memoryBytes: 1024 }), {}],
    [
      'an engine socket under a name of its own',
      { mounts: [{ source: '/srv/engine.sock', target: '/x', writable: false }] },
      { enginePaths: ['/srv/engine.sock'] },
    ],
    ['a base mount on a mount', {}, { baseMounts: [{ source: '/usr', target: '/data', writable: false }] }],
  ])('refuses %s', (_name, options, context) => {
    expect(() => build(options, context)).toThrow(InvalidOptionsError)
  })

  test('is the same for the same input', () => {
    expect(buildContainerSpec(OPTIONS, CONTEXT)).toEqual(SPEC)
  })
})
