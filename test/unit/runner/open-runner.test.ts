import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BuildRunner } from '../../../src/runner/build-runner.js'
import { rejection } from '../../helpers/sandboxes.js'

test('a state folder in which a folder cannot be made is an error of the host, and is let go', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'open-runner-'))
  try {
    writeFileSync(join(stateDir, 'builds'), '')
    const error = { name: 'HostFileError', code: 'EEXIST', path: stateDir }
    expect(await rejection(BuildRunner.open({ stateDir }))).toMatchObject(error)
    // Were its lock still held, this would be an InvalidStateError.
    expect(await rejection(BuildRunner.open({ stateDir }))).toMatchObject(error)
  } finally {
    rmSync(stateDir, { recursive: true, force: true })
  }
})
