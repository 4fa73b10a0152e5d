// How long to wait before the next try to connect.

/** The first wait, and the longest, in ms. Chosen by us: a session waits a minute, which is a dozen tries. */
const FIRST_MS = 200;
const LONGEST_MS = 5_000;

/** The wait after so many failures, in ms: it doubles, and is cut at random by up to half, so that the pages of a gateway that
 * was restarted do not come back at one time. `random` is from 0 to 1. */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.round(full * (1 - random / 2));
}
