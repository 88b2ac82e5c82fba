import { expect, test } from 'vitest'
import { MAX_RESTARTS, RESTART_WINDOW_MS, RestartBudget } from '../../../src/sandbox/restart-budget.js'

test('so many restarts within the window, and one more for each that has left it', () => {
  const budget = new RestartBudget()
  for (let n = 0; n < MAX_RESTARTS; n += 1) expect(budget.take(n)).toBe(true)
  expect(budget.take(10)).toBe(false)
  expect(budget.take(RESTART_WINDOW_MS - 1)).toBe(false)
  expect(budget.take(RESTART_WINDOW_MS)).toBe(true)
  expect(budget.take(RESTART_WINDOW_MS)).toBe(false)
  expect(budget.take(RESTART_WINDOW_MS + 1)).toBe(true)
})

test('a refusal does not count', () => {
  const budget = new RestartBudget()
  for (let n = 0; n < MAX_RESTARTS; n += 1) budget.take(0)
  for (let n = 0; n < 100; n += 1) expect(budget.take(RESTART_WINDOW_MS - 1)).toBe(false)
  for (let n = 0; n < MAX_RESTARTS; n += 1) expect(budget.take(RESTART_WINDOW_MS)).toBe(true)
})
