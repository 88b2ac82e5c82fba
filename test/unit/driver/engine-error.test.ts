import { expect, it } from 'vitest'
import { isNotFound, quoteForeignText, statusCodeOf, toEngineError } from '../../../src/driver/docker/engine-error.js'
import { EngineRequestError, EngineUnavailableError } from '../../../src/errors.js'

const failure = (fields: object) =>
  toEngineError(Object.assign(new Error('words'), fields), 'start a container', 'there')

it.each([
  ['ENOENT', /no such socket.*systemctl start docker/],
  ['ECONNREFUSED', /nothing listens/],
  ['EACCES', /permission denied.*group docker/],
  ['ECONNRESET', /restarting/],
  ['EWEIRD', /EWEIRD, words/],
])('%s says what to do', (code, words) => {
  const error = failure({ code })
  expect(error).toBeInstanceOf(EngineUnavailableError)
  expect(error.message).toMatch(words)
  expect(error.message).toContain('cannot start a container')
  expect(error).toMatchObject({ retryable: true, details: { code, endpoint: 'there' } })
})

it('an HTTP status is a request that was refused', () => {
  const error = failure({ statusCode: 404, message: 'No such image: x' })
  expect(error).toBeInstanceOf(EngineRequestError)
  expect(error.message).toBe('The engine refused to start a container: No such image: x (HTTP 404).')
  expect([statusCodeOf(error), isNotFound(error), error.retryable]).toEqual([404, true, false])
  expect(failure({ statusCode: 503 }).retryable).toBe(true)
})

it('a huge answer does not get into the message', () => {
  expect(failure({ statusCode: 500, message: 'x'.repeat(5_000_000) }).message.length).toBeLessThan(2_000)
})

it('foreign text cannot forge lines or terminal codes', () => {
  expect(quoteForeignText('a\nb\u001b[31mred\u0000\u009b')).toBe('a b\\u001b[31mred\\u0000\\u009b')
})

it('an error of the package is passed on as it is', () => {
  const error = new EngineUnavailableError('x')
  expect(toEngineError(error, 'y', 'z')).toBe(error)
})
