import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { buildReport, ReportCollector, type ReportInput } from '../../../../src/trace/report/index.js'
import { access, buildEvents, START_MS, start } from './sample-events.js'

const plain: ReportInput = {
  title: 'make',
  startedAtMs: START_MS,
  command: ['make', '-j2'],
  outcome: { name: 'exited', exitCode: 0, signal: null },
  events: [],
}

test('the policy of the page permits its own script and nothing else', () => {
  const page = buildReport({ ...plain, events: buildEvents() })
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1]?.replaceAll('&#39;', "'")
  const scripts = [...page.matchAll(/<script>([^]*?)<\/script>/g)].map(([, script]) => script ?? '')
  expect(scripts).toHaveLength(1)
  const hash = createHash('sha256')
    .update(scripts[0] ?? '')
    .digest('base64')
  expect(policy?.split('; ')).toEqual([
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${hash}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ])
})

describe('what stands on top', () => {
  test('a violation, with a link to it', () => {
    const page = buildReport({ ...plain, events: buildEvents(), policy: { write: [] } })
    expect(page).toMatch(
      /<strong>Jailbreak\.<\/strong>\s*<a href="#violations">3 accesses that the policy does not allow/,
    )
    expect(page.indexOf('id="violations"')).toBeLessThan(page.indexOf('id="processes"'))
  })

  test.each([
    ['a policy that nothing broke', { policy: { write: ['/tmp'] } }, 'No violation.'],
    ['no policy', {}, 'Not judged.'],
  ])('%s', (_name, more, words) => {
    expect(buildReport({ ...plain, ...more })).toContain(`<strong>${words}</strong>`)
  })

  test('what is missing', () => {
    const page = buildReport({ ...plain, events: [{ kind: 'gap', dropped: 1_234 }], warnings: ['the tracer died'] })
    expect(page).toContain('1,234 events came faster')
    expect(page).toContain('the tracer died')
  })
})

test('a large run gives a page of bounded size that says what is left out, without delay', () => {
  const collector = new ReportCollector()
  for (let at = 0; at < 60_000; at += 1) {
    const process = [2 + at, ['program', '--flag', `argument-${at}`]] as const
    if (at < 7_000) collector.add(start(process, at, at < 4_000 ? 1 + at : 1))
    collector.add(
      access(process, at, 'write', `/work/folder-${at % 100}/file-${at}`, { errno: 'EACCES', allowed: false }),
    )
  }
  const begun = performance.now()
  const page = buildReport({ ...plain, events: collector, policy: {} })
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(page.length).toBeLessThan(16 * 1024 * 1024)
  expect(page).toContain('55,000 further processes not shown')
  expect(page).toContain('59,500 further calls not shown')
  expect(page).toMatch(/40,\d\d\d accesses to further names not shown/)
})

test('an empty run is a page too', () => {
  expect(buildReport(plain)).toContain('No process was seen.')
})
