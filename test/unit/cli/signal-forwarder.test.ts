import { afterEach, expect, test, vi } from 'vitest'
import { SignalForwarder } from '../../../src/cli/signal-forwarder.js'

// Node prefers a listener to ending the process: emitting the event is what a signal does.
const send = (signal: NodeJS.Signals) => process.emit(signal, signal)

let forwarder: SignalForwarder
afterEach(() => forwarder[Symbol.dispose]())

test('before a command runs, a signal aborts the start', () => {
  forwarder = new SignalForwarder()
  expect(forwarder.aborted.aborted).toBe(false)
  send('SIGTERM')
  expect(forwarder.aborted.aborted).toBe(true)
  expect(forwarder.received).toBe('SIGTERM')
})

test('signals reach the command, an interrupt its whole group', () => {
  forwarder = new SignalForwarder()
  const kill = vi.fn(() => true)
  forwarder.attach({ kill })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) send(signal)
  expect(kill.mock.calls).toEqual([
    ['SIGTERM', 'process'],
    ['SIGHUP', 'group'],
    ['SIGINT', 'group'],
  ])
  expect(forwarder.aborted.aborted).toBe(false)
})

test('a second interrupt kills the whole tree', () => {
  forwarder = new SignalForwarder()
  const kill = vi.fn(() => true)
  forwarder.attach({ kill })
  send('SIGINT')
  send('SIGINT')
  expect(kill).toHaveBeenLastCalledWith('SIGKILL', 'tree')
})

test('nothing is left of it afterwards', () => {
  const before = process.listenerCount('SIGINT')
  forwarder = new SignalForwarder()
  expect(process.listenerCount('SIGINT')).toBe(before + 1)
  forwarder[Symbol.dispose]()
  expect(process.listenerCount('SIGINT')).toBe(before)
})
