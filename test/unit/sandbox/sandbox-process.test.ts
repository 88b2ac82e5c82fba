import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { SpawnError } from '../../../src/errors.js'
import { SandboxProcess } from '../../../src/sandbox/sandbox-process.js'

it('that failed to start is closed also when nobody listens to its error', async () => {
  const stdout = new PassThrough()
  const child = new SandboxProcess({ file: 'none', args: [] }, { stdin: null, stdout, stderr: null }, () => undefined)
  const closed = new Promise<unknown[]>((resolve) => child.once('close', (...args) => resolve(args)))
  const error = new SpawnError('ENOENT', 'none', [])
  expect(() => child.failed(error, 127)).toThrow(error)
  stdout.destroy()
  expect(await closed).toEqual([127, null])
  expect(child.kill()).toBe(false)
})
