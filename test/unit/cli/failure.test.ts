import { expect, test } from 'vitest'
import { describeFailure } from '../../../src/cli/failure.js'
import { EngineUnavailableError, InvalidOptionsError } from '../../../src/errors.js'
import { parseSandboxOptions } from '../../../src/options/index.js'

function failureOf(options: unknown): string {
  try {
    parseSandboxOptions(options)
  } catch (error) {
    return describeFailure(error).message
  }
  throw new Error('the options were accepted')
}

test('one wrong option is named by its flag', () => {
  expect(failureOf({ limits: { memoryBytes: '1' } })).toMatch(/--memory: got /)
})

test('several wrong options are each named by their flag', () => {
  const message = failureOf({ limits: { cpuCount: 0, pids: -1 }, mounts: [{ source: '/', target: '/x' }] })
  expect(message).toMatch(/- --cpus: got /)
  expect(message).toMatch(/- --pids: got /)
  expect(message).toMatch(/- --mount \(mounts\[0\]\.source\): got /)
})

test('limits are named by their flags in running text too', () => {
  const error = new InvalidOptionsError('raise limits.memoryBytes, or lower limits.scratchBytes')
  expect(describeFailure(error).message).toBe('raise --memory, or lower --scratch')
})

test('an error of the package keeps its code and details', () => {
  const error = new EngineUnavailableError('no engine', { details: { host: 'unix:///x' } })
  expect(describeFailure(error)).toEqual({
    code: 'ERR_ENGINE_UNAVAILABLE',
    message: 'no engine',
    details: { host: 'unix:///x' },
  })
})

test('anything else that is thrown is told as it is', () => {
  expect(describeFailure('text')).toEqual({ code: 'ERR_UNEXPECTED', message: 'text', details: {} })
  expect(describeFailure(new TypeError('odd'))).toMatchObject({
    code: 'ERR_UNEXPECTED',
    message: expect.stringContaining('TypeError: odd') as string,
  })
})
