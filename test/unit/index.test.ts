import { expect, test } from 'vitest'
import * as errors from '../../src/errors.js'
import * as all from '../../src/index.js'
import * as options from '../../src/options/index.js'

test('every error class is public', () => {
  expect(all).toMatchObject(errors)
})

test('every schema of options is public', () => {
  const schemas = Object.entries(options).filter(([name]) => name.endsWith('Schema'))
  expect(schemas.length).toBeGreaterThan(10)
  expect(all).toMatchObject(Object.fromEntries(schemas))
})

test('nothing else is, but the classes of the product', () => {
  const known = [...Object.keys(errors), ...Object.keys(options)]
  const rest = Object.keys(all).filter((name) => !known.includes(name))
  expect(rest.sort()).toEqual([
    'BuildRunner',
    'CHANNELS',
    'COUNTERS',
    'ContainerSandbox',
    'DockerDriver',
    'FairQueue',
    'FileAuthenticator',
    'FileDirectory',
    'GAUGES',
    'HISTOGRAMS',
    'ImageBuilder',
    'LoginGuard',
    'MetricsEndpoint',
    'MetricsRegistry',
    'SPANS',
    'SandboxLease',
    'SandboxPool',
    'SandboxProcess',
    'TenantQueue',
    'UnixAuthenticator',
    'UnixDirectory',
    'buildToolchain',
    'consoleLogger',
    'definePlugin',
    'logRecord',
    'mergeLearned',
    'metricsText',
    'noLogger',
    'readBuildLog',
    'registerGauges',
    'targetSeccompProfile',
    'tightenSeccomp',
  ])
  expect(Object.keys(all).filter((name) => name.startsWith('parse'))).toEqual([])
})
