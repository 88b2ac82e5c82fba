/** Why a stream was given up: the code in a RESET frame. Others may come and mean nothing. */
export const ResetCode = {
  /** Nobody reads or writes the stream any more. */
  Canceled: 1,
  /** The operation failed; the answer to its request says how. */
  Failed: 2,
} as const
