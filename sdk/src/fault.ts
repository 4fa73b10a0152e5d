// What can go wrong, with a cure.

/** A code's name, and what helps. */
const CODES: Record<number, readonly [name: string, cure: string]> = {
  [-32700]: ['parse', 'send JSON; this is a fault of the SDK'],
  [-32600]: ['invalidRequest', 'send JSON-RPC 2.0; this is a fault of the SDK'],
  [-32601]: ['unknownMethod', 'the gateway is older than the SDK: bring both to one version'],
  [-32602]: ['invalidParams', 'correct the parameter that `field` names'],
  [-32603]: ['internal', "look into the gateway's log"],
  1001: ['notConnected', 'call connect() first'],
  1002: ['notAccepted', "get a new token from your server; the gateway's log says what is wrong with this one"],
  1003: ['forbidden', 'ask your server for a token that allows it, or change the dial plan'],
  1004: ['notFound', 'the call is over: forget it'],
  1005: ['wrongState', "look at the call's state first"],
  1006: ['busy', 'wait until the other change is done, and ask again'],
  1007: ['tooMany', 'end a call first, or ask more slowly'],
  1008: ['notAcceptable', 'the two ends have no media in common: look at the codecs of the trunk'],
  1009: ['gone', 'call connect() again: the session was away for too long'],
  1010: ['overloaded', 'try again in a while'],
  1011: ['notDelivered', 'the other end does not take it now'],
};

/** The code of a request whose connection was lost: nobody knows whether it was met. Ours, as the next. */
export const CONNECTION_LOST = 1;

/** The code of a microphone that cannot be had. */
export const NO_MICROPHONE = 2;

const OWN: Record<number, readonly [name: string, cure: string]> = {
  [CONNECTION_LOST]: ['connectionLost', 'wait for the state "connected"'],
  [NO_MICROPHONE]: ['noMicrophone', 'allow the page to use the microphone, and plug one in'],
};

/** The codes that the gateway may tell; the tests compare them with its documents. */
export const gatewayCodes = (): Map<number, string> =>
  new Map(Object.entries(CODES).map(([code, [name]]) => [Number(code), name]));

/** A fault, of the gateway's or our own. */
export class WebtrunkError extends Error {
  override readonly name = 'WebtrunkError';
  /** The number, as docs/JSON_API.md lists them. */
  readonly code: number;
  /** The code in a word, by which programs go. */
  readonly kind: string;
  /** The parameter that is wrong, where it is one. */
  readonly field: string | undefined;
  /** What helps. */
  readonly cure: string;

  constructor(code: number, message: string, field?: string) {
    const [kind, cure] = CODES[code] ?? OWN[code] ?? ['unknown', "look into the gateway's log"];
    super(`${message} (${kind}; ${cure})`);
    this.code = code;
    this.kind = kind;
    this.field = field;
    this.cure = cure;
  }
}

/** Whether a fault has this word. */
export function isFault(fault: unknown, ...kinds: string[]): fault is WebtrunkError {
  return fault instanceof WebtrunkError && kinds.includes(fault.kind);
}

/** @internal */
export function connectionLost(): WebtrunkError {
  return new WebtrunkError(CONNECTION_LOST, 'the connection to the gateway is lost');
}
