import { expect, it } from 'vitest'
import { containerIdOf, operationOf } from '../../../src/driver/docker/engine-operation.js'

const ID = 'a'.repeat(64)

it.each([
  ['GET', '/version', 'engine.version'],
  ['GET', '/v1.41/info', 'engine.info'],
  ['POST', '/v1.41/containers/create', 'container.create'],
  ['POST', `/v1.41/containers/${ID}/start`, 'container.start'],
  ['POST', `/v1.41/containers/${ID}/wait`, 'container.wait'],
  ['POST', `/v1.41/containers/${ID}/kill`, 'container.kill'],
  ['POST', `/v1.41/containers/${ID}/attach`, 'container.attach'],
  ['GET', `/v1.41/containers/${ID}/json`, 'container.inspect'],
  ['GET', `/v5.0/libpod/containers/${ID}/json`, 'container.inspect'],
  ['GET', `/v1.41/containers/${ID}/stats`, 'container.stats'],
  ['HEAD', `/v1.41/containers/${ID}/archive`, 'container.archive'],
  ['DELETE', '/v1.41/containers/container-sandbox-x', 'container.remove'],
  ['GET', '/v1.41/containers/json', 'container.list'],
  ['POST', '/v1.41/build', 'image.build'],
  ['POST', '/v1.41/images/load', 'image.load'],
  ['GET', '/v1.41/images/json', 'image.list'],
  ['GET', '/v1.41/images/registry:5000/a/b:1/json', 'image.inspect'],
  ['DELETE', '/v1.41/images/a/b:1', 'image.remove'],
  ['GET', `/v1.41/containers/${ID}/__proto__`, 'other'],
  ['GET', `/v1.41/containers/${ID}/toString`, 'other'],
  ['GET', '/v1.41/whatever', 'other'],
  ['GET', '', 'other'],
])('%s %s is %s', (method, path, operation) => {
  expect(operationOf(method, path)).toBe(operation)
})

it('a container has an id where the path has no name', () => {
  expect(containerIdOf(`/v1.41/containers/${ID}/start`)).toBe(ID)
  expect(containerIdOf(`/v1.41/containers/${ID}`)).toBe(ID)
  expect(containerIdOf('/v1.41/containers/container-sandbox-x/kill')).toBeNull()
  expect(containerIdOf('/v1.41/containers/json')).toBeNull()
})
