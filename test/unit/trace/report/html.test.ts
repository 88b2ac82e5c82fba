import { describe, expect, test } from 'vitest'
import { countOf, formatDuration, formatOffset, guestText, html } from '../../../../src/trace/report/html.js'
import { HOSTILE_NAMES } from './sample-events.js'

describe('html', () => {
  test('escapes every string, and lets in what it made itself', () => {
    const inner = html`<b>${'<i>'}</b>`
    expect(html`<p title="${'"\'&'}">${inner}${[inner, inner]}${7}${null}</p>`.text).toBe(
      '<p title="&quot;&#39;&amp;"><b>&lt;i&gt;</b><b>&lt;i&gt;</b><b>&lt;i&gt;</b>7</p>',
    )
  })

  test.each(Object.entries(HOSTILE_NAMES))('%s: neither markup nor control nor direction', (_name, text) => {
    for (const made of [html`${text}`.text, guestText(text).text.replace(/<\/?(code|i)>/g, '')])
      expect(made).not.toMatch(/[<>"'\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/)
  })
})

describe('guestText', () => {
  test('marks what was escaped, so that a real backslash is told from it', () => {
    expect(guestText('a\udcff\nb').text).toBe(String.raw`<code>a<i>\xff\n</i>b</code>`)
    expect(guestText(String.raw`a\xff`).text).toBe(String.raw`<code>a\xff</code>`)
  })

  test('says how much was cut off', () => {
    expect(guestText('n'.repeat(4_096), 96).text).toBe(`<code>${'n'.repeat(96)}<i>… 4,000 more</i></code>`)
  })
})

test('numbers', () => {
  expect([countOf(1, 'file'), countOf(12_345, 'file')]).toEqual(['1 file', '12,345 files'])
  expect([0.44, 123.4, 12_340, 192_000].map(formatDuration)).toEqual(['0.4 ms', '123 ms', '12.3 s', '3 min 12 s'])
  expect(formatOffset(1_234.5678)).toBe('1.235 s')
})
