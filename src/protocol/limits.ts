/** Every cap of the protocol. Both sides hold the same numbers; `docs/protocol.md` lists them. */

/** One byte of type, three of length, four of stream id. */
export const FRAME_HEADER_BYTES = 8

/** The largest payload of one frame. Small enough that a control frame never waits long behind a data frame. */
export const MAX_FRAME_PAYLOAD_BYTES = 65_536

/** What a sender may send on one stream before the receiver returned credit. */
export const WINDOW_BYTES = 1_048_576

/** Streams that one multiplexer keeps open at the same time, both directions together. */
export const MAX_STREAMS = 1_024

/** Closed streams that are remembered so that frames on their way do not count as violations. */
export const MAX_CLOSED_STREAMS = 4_096

/** The largest JSON text of one message, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 16 * 1_048_576

/** The deepest nesting of arrays and objects in one message, the message itself included. */
export const MAX_MESSAGE_DEPTH = 64

/**
 * The most values (members of arrays and objects) in one message. Bounds what 16 MiB of JSON become in memory and how
 * long `JSON.parse` holds the event loop: a message of a million keys took 0.3 s, the longest string 0.03 s.
 */
export const MAX_MESSAGE_VALUES = 262_144

/** Pieces of data smaller than this are put together while the consumer is behind. */
export const SMALL_PIECE_BYTES = 1_024

/** How far behind a consumer is when small pieces of its stream are put together, and how many bytes are. */
export const GATHER_BYTES = 65_536

/** Calls without an answer, in each direction. */
export const MAX_PENDING_CALLS = 1_024

/** Notifications whose method has not ended yet; further ones are dropped, because they cannot be answered. */
export const MAX_RUNNING_NOTIFICATIONS = 8_192

/**
 * What all methods that run for the other side hold of its messages, as {@link MESSAGE_VALUE_BYTES} counts it. Without it a
 * thousand calls of 16 MiB each to a method that takes its time would fill the memory.
 */
export const MAX_RUNNING_BYTES = 64 * 1_048_576

/** What a value in a message counts in addition to its bytes: an empty list has two of JSON, and many in memory. */
export const MESSAGE_VALUE_BYTES = 64

/** Positional parameters of one incoming call. They are spread on the stack. */
export const MAX_POSITIONAL_PARAMS = 16_384

/** Characters of a call id that the other side chose. */
export const MAX_CALL_ID_CHARS = 64

/** Characters of a method name. */
export const MAX_METHOD_CHARS = 256

/** Characters of an error message, after escaping. */
export const MAX_ERROR_MESSAGE_CHARS = 1_024

/** Bytes waiting for a peer that does not read. Above it calls fail and results are replaced by errors. */
export const MAX_QUEUED_MESSAGE_BYTES = 64 * 1_048_576
