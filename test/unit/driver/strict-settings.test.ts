import { describe, expect, test } from 'vitest'
import { buildContainerRequest } from '../../../src/driver/docker/container-request.js'
import { loosenedSettings, type StrictlySet } from '../../../src/driver/docker/strict-settings.js'
import { SPEC } from '../policy/matching-observation.js'

const asked = buildContainerRequest(SPEC) as unknown as StrictlySet['Config'] & Pick<StrictlySet, 'HostConfig'>
const record = (config: object = {}, hostConfig: object = {}): StrictlySet => ({
  Config: { ...asked, ...config },
  HostConfig: { ...asked.HostConfig, ...hostConfig },
})

describe('loosenedSettings', () => {
  test('finds nothing when the record is what was asked for', () => {
    expect(loosenedSettings(record())).toEqual({})
  })

  test('finds nothing when an engine leaves out what is not set', () => {
    expect(loosenedSettings({ Config: { OpenStdin: true, StdinOnce: true }, HostConfig: {} })).toEqual({})
  })

  test.each([
    ['AutoRemove', true],
    ['Cgroup', 'other'],
    ['CgroupParent', '/other'],
    ['CpuRealtimePeriod', 1],
    ['CpuRealtimeRuntime', 1],
    ['ExtraHosts', ['a:1.2.3.4']],
    ['GroupAdd', ['0']],
    ['Init', true],
    ['Links', ['a:b']],
    ['OomKillDisable', true],
    ['OomScoreAdj', -1],
    ['PortBindings', { '1/tcp': [] }],
    ['PublishAllPorts', true],
    ['Sysctls', { 'kernel.msgmax': '1' }],
    ['VolumesFrom', ['other']],
  ])('names %s', (name, value) => {
    expect(loosenedSettings(record({}, { [name]: value }))).toEqual({ [name]: JSON.stringify(value) })
  })

  test('names a restart, a health check, a terminal, another folder, and a stdin that outlives its owner', () => {
    expect(loosenedSettings(record({}, { RestartPolicy: { Name: 'always' } }))).toEqual({ RestartPolicy: '"always"' })
    expect(loosenedSettings(record({ Healthcheck: { Test: ['CMD', 'x'] } }))).toEqual({ Healthcheck: '"CMD"' })
    expect(loosenedSettings(record({ Tty: true, WorkingDir: '/tmp' }))).toEqual({ Tty: 'true', WorkingDir: '"/tmp"' })
    expect(loosenedSettings(record({ StdinOnce: false, OpenStdin: undefined }))).toEqual({
      OpenStdin: 'false',
      StdinOnce: 'false',
    })
  })
})
