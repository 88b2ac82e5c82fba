import { describe, expect, it } from 'vitest'
import { chooseApiVersion, compareApiVersions } from '../../../src/driver/docker/api-version.js'
import { EngineUnavailableError } from '../../../src/errors.js'

const choose = (ApiVersion: string, MinAPIVersion?: string) =>
  chooseApiVersion({ Version: '1.2.3', ApiVersion, MinAPIVersion }, 'there').used

describe('the API version', () => {
  it.each([
    ['1.41', '1.12', '1.41'],
    ['1.47', '1.24', '1.47'],
    ['1.51', '1.24', '1.51'],
    ['1.54', '1.44', '1.51'],
    ['1.41', undefined, '1.41'],
    ['1.100', '1.50', '1.51'],
  ])('is the newest that both know: engine %s (from %s) → %s', (newest, oldest, used) => {
    expect(choose(newest, oldest)).toBe(used)
  })

  it('refuses an engine that is too old, and says which is needed', () => {
    expect(() => choose('1.40')).toThrow(/too old.*1\.40.*20\.10/)
    expect(() => choose('1.9')).toThrow(/too old/)
  })

  it('refuses an engine that is too new', () => {
    expect(() => choose('1.60', '1.52')).toThrow(/too new.*1\.52/)
  })

  it.each([null, 'html', Buffer.from('<html>'), {}, { Version: 1 }, { Version: 'x', ApiVersion: 'v1' }, [], undefined])(
    'refuses what is no engine: %j',
    (answer) => {
      expect(() => chooseApiVersion(answer, 'there')).toThrow(EngineUnavailableError)
      expect(() => chooseApiVersion(answer, 'there')).toThrow(/there is no container engine/)
    },
  )
})

it('compares by number, not by text', () => {
  expect(compareApiVersions('1.9', '1.41')).toBeLessThan(0)
  expect(compareApiVersions('1.41', '1.41')).toBe(0)
  expect(compareApiVersions('2.0', '1.99')).toBeGreaterThan(0)
})
