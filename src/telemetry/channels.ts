/**
 * Events for `node:diagnostics_channel`. A message is made only when somebody has subscribed. Subscribers are called at once and
 * in place: a slow one slows down what it is told of. Times are milliseconds. No message holds arguments, an environment or output.
 */
import { channel, type Channel } from 'node:diagnostics_channel'
import type { ChannelMessages } from './messages.js'

/** The name of a channel. */
export type ChannelName = keyof ChannelMessages

/** Every channel, with what it tells. */
export const CHANNELS = {
  'container-sandbox:sandbox:start': 'A sandbox is ready, or could not be started.',
  'container-sandbox:sandbox:end': 'A sandbox is gone.',
  'container-sandbox:command:start': 'A command was asked for.',
  'container-sandbox:command:end': 'A command has ended, or could not be started.',
  'container-sandbox:engine:request': 'The engine has answered a request, or failed to.',
  'container-sandbox:pool:acquire': 'A pool has handed out a sandbox.',
  'container-sandbox:pool:discard': 'A pool has given up a sandbox.',
  'container-sandbox:queue:reject': 'A full queue has refused a job.',
  'container-sandbox:build:submit': 'A build was taken into the queue.',
  'container-sandbox:build:start': 'A build has started.',
  'container-sandbox:build:end': 'A build has ended.',
} as const satisfies Readonly<Record<ChannelName, string>>

// Held here: a channel that nobody holds can be collected, and is looked up by name each time.
const targets = Object.fromEntries(Object.keys(CHANNELS).map((name) => [name, channel(name)])) as Record<
  ChannelName,
  Channel
>

/** Publishes what `message` makes, when somebody listens. */
export function publish<Name extends ChannelName>(name: Name, message: () => ChannelMessages[Name]): void {
  const target = targets[name]
  if (target.hasSubscribers) target.publish(message())
}
