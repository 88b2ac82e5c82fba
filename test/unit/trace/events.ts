/** Events for tests, complete with what the test does not care for. */
import type { AccessEvent, ProcessEvent } from '../../../src/trace/event.js'

export function access(fields: Partial<AccessEvent> & Pick<AccessEvent, 'path'>): AccessEvent {
  return {
    kind: 'access',
    seq: 1,
    timeMs: 1_795_358_863_174.714,
    pid: 40,
    processId: 40,
    commandId: 1,
    command: ['sh', '-c', 'true'],
    syscall: 'openat',
    mode: 'read',
    access: 'read',
    file: fields.path ?? '',
    resolution: 'descriptor',
    result: fields.errno == null ? 3 : -1,
    errno: null,
    allowed: true,
    ...fields,
  }
}

export function start(fields: Partial<ProcessEvent> = {}): ProcessEvent {
  const base = { seq: 1, timeMs: 0, pid: 41, processId: 41, commandId: 1, command: [] }
  return { kind: 'start', ...base, thread: false, parentId: 40, exitCode: null, signal: null, ...fields }
}
