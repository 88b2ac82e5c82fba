import { describe, expect, it } from 'vitest'
import { COUNTERS, ENGINE_OPERATIONS, GAUGES, HISTOGRAMS } from '../../../src/telemetry/index.js'

const all = Object.entries({ ...COUNTERS, ...HISTOGRAMS, ...GAUGES })

describe.each(all)('%s', (name, { unit, description, attributes }) => {
  it('keeps the conventions of OpenTelemetry', () => {
    expect(name).toMatch(/^container_sandbox(\.[a-z][a-z_]*)+$/)
    expect(unit).toMatch(/^(?:s|By|\{[a-z]+\})$/)
    expect(description).toMatch(/^[A-Z].*[^.]\.$/)
    for (const key of Object.keys(attributes)) expect(key).toMatch(/^[a-z]+(?:[._][a-z]+)*$/)
  })
})

it('no name is used twice', () => {
  expect(new Set(all.map(([name]) => name)).size).toBe(
    [COUNTERS, HISTOGRAMS, GAUGES].flatMap((table) => Object.keys(table)).length,
  )
})

it('bounds of histograms rise', () => {
  for (const { bounds } of Object.values(HISTOGRAMS)) expect([...bounds].sort((a, b) => a - b)).toEqual(bounds)
})

it('operations are in order, each once', () => {
  expect([...new Set(ENGINE_OPERATIONS)].sort()).toEqual(ENGINE_OPERATIONS)
})
