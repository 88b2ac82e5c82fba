import { expect, test } from 'vitest'
import { judgeKernel } from '../../../../src/cli/doctor/kernel.js'

test.each([
  ['7.0.1', 'ok', /has the fix/],
  ['8.2.0-rc1', 'ok', /has the fix/],
  ['6.18.44-fc-v669', 'ok', /has the fix/],
  ['6.18.21', 'warn', /is open/],
  ['6.12.85', 'ok', /has the fix/],
  ['6.12.84', 'warn', /is open/],
  ['6.19.12-arch1', 'ok', /has the fix/],
  ['6.1.0-42-amd64', 'warn', /does not tell/],
  ['5.4.0-150-generic', 'warn', /no longer maintained/],
  ['unknown', 'warn', /cannot be read/],
])('%s: %s', (version, status, meaning) => {
  const finding = judgeKernel(version)
  expect(finding.status).toBe(status)
  expect(finding.meaning).toMatch(meaning)
  expect(finding.action === null).toBe(status === 'ok')
})
