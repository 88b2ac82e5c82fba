import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ImageError } from '../../../src/errors.js'
import { buildTracerLayer } from '../../../src/image/tracer-image.js'
import { buildTracer } from '../../helpers/init-build.js'
import { readLayer } from '../../helpers/read-layer.js'

const folder = mkdtempSync(join(tmpdir(), 'tracer-image-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('holds strace, its launcher, their libraries and mount points, and nothing else', async () => {
  const tracer = await buildTracer()
  const entries = await readLayer(buildTracerLayer({ tracer }))
  const files = entries.filter(({ type }) => type === 'file').map(({ name }) => name)
  const libraries = files.filter((name) => /^usr\/lib(64)?\/([\w-]+\/)?[\w.+-]+\.so(\.\d+)*$/.test(name))
  expect(libraries.length).toBeGreaterThan(1)
  expect(files.filter((name) => !libraries.includes(name))).toEqual([
    'etc/hostname',
    'etc/hosts',
    'etc/resolv.conf',
    'usr/bin/strace',
    'usr/bin/tracer',
  ])
  expect(entries.filter(({ type }) => type === 'directory').map(({ name }) => name)).toEqual(
    expect.arrayContaining(['dev/', 'etc/', 'proc/', 'sys/']),
  )
  for (const { uid, gid, mode } of entries) expect([uid, gid, mode & 0o7022]).toEqual([0, 0, mode === 0o777 ? 0o22 : 0])
})

test('a host without strace is told what to install', () => {
  expect(() => buildTracerLayer({ strace: null, tracer: '/bin/true' })).toThrow(ImageError)
  expect(() => buildTracerLayer({ strace: null, tracer: '/bin/true' })).toThrow('apt-get install strace')
})

test('its fingerprint changes with the tracer', () => {
  const tracer = join(folder, 'tracer')
  copyFileSync('/bin/true', tracer)
  const first = buildTracerLayer({ tracer }).fingerprint
  expect(buildTracerLayer({ tracer }).fingerprint).toBe(first)
  writeFileSync(tracer, 'changed')
  expect(buildTracerLayer({ tracer }).fingerprint).not.toBe(first)
})
