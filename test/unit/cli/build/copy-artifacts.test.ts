import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertFreeFolder, copyArtifacts } from '../../../../src/cli/build/copy-artifacts.js'
import { HostFileError } from '../../../../src/errors.js'

let folder: string
const path = (name: string): string => join(folder, name)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'artifacts-'))
  mkdirSync(path('from/sub/empty'), { recursive: true })
  writeFileSync(path('from/sub/run'), '#!/bin/sh\n', { mode: 0o755 })
  symlinkSync('sub/run', path('from/link'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('files keep their modes, links stay links', async () => {
  await assertFreeFolder(path('deep/to'))
  await copyArtifacts(path('from'), path('deep/to'))
  expect(readFileSync(path('deep/to/sub/run'), 'utf8')).toBe('#!/bin/sh\n')
  expect(statSync(path('deep/to/sub/run')).mode & 0o777).toBe(0o755)
  expect(readlinkSync(path('deep/to/link'))).toBe('sub/run')
  expect(existsSync(path('deep/to/sub/empty'))).toBe(true)
})

test('a folder that holds something is refused before the build', async () => {
  mkdirSync(path('to'))
  await assertFreeFolder(path('to'))
  writeFileSync(path('to/x'), '')
  await expect(assertFreeFolder(path('to'))).rejects.toThrow(/ENOTEMPTY/)
  await expect(assertFreeFolder(path('to/x'))).rejects.toThrow(HostFileError)
})

test('what came there meanwhile is neither replaced nor followed', async () => {
  writeFileSync(path('kept'), 'kept')
  mkdirSync(path('to/sub'), { recursive: true })
  symlinkSync(path('kept'), path('to/link'))
  await expect(copyArtifacts(path('from'), path('to'))).rejects.toThrow(/EEXIST/)
  rmSync(path('to'), { recursive: true })
  mkdirSync(path('to'))
  mkdirSync(path('elsewhere'))
  symlinkSync(path('elsewhere'), path('to/sub'))
  await expect(copyArtifacts(path('from'), path('to'))).rejects.toThrow(/EEXIST/)
  expect(readFileSync(path('kept'), 'utf8')).toBe('kept')
  expect(existsSync(path('elsewhere/run'))).toBe(false)
})
