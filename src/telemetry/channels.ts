/** Events for `node:diagnostics_channel`. A message is made only when somebody has subscribed. */
import { channel } from 'node:diagnostics_channel'

/** Every channel, with what it tells. */
export const CHANNELS = {
  'container-sandbox:sandbox:start': 'A sandbox is ready.',
  'container-sandbox:sandbox:end': 'A sandbox is gone.',
  'container-sandbox:command:start': 'A command was started.',
  'container-sandbox:command:end': 'A command has ended.',
  'container-sandbox:engine:request': 'The engine has answered a request.',
  'container-sandbox:pool:acquire': 'A pool has handed out a sandbox.',
  'container-sandbox:pool:discard': 'A pool has given up a sandbox.',
  'container-sandbox:queue:reject': 'A full queue has refused a job.',
  'container-sandbox:build:submit': 'A build was taken into the queue.',
  'container-sandbox:build:start': 'A build has started.',
  'container-sandbox:build:end': 'A build has ended.',
} as const

/** The name of a channel. */
export type ChannelName = keyof typeof CHANNELS

/** Publishes what `message` makes, when somebody listens. */
export function publish(name: ChannelName, message: () => object): void {
  const target = channel(name)
  if (target.hasSubscribers) target.publish(message())
}
