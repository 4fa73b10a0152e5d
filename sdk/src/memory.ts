// What a page keeps for itself over a reload: how its session goes on, and whom its calls are with.

import type { Environment } from './environment.js';
import type { Diversion } from './protocol.js';

/** What is kept. */
export interface Kept {
  /** What `resume` wants, once. */
  token: string;
  /** The number of the last event that was seen. */
  lastSeen: number;
  /** What is kept of calls, by their names. */
  calls: KeptCalls;
}

/** Whom a call is with. */
export interface Facts {
  /** Which end began it. */
  direction: 'incoming' | 'outgoing';
  /** Who calls, or what was dialled. */
  peer: string;
  /** The caller's display name; empty where there is none. */
  displayName: string;
  /** What is told besides: by the dial plan, and of the caller's headers those that the gateway passes. */
  headers: { [name: string]: string };
  /** Who was called before the page, the first one first, and why the call went on. */
  diversions: Diversion[];
  /** Who transferred the caller to the page; null where nobody did. */
  transferredBy: string | null;
}

/** Whom a call is with, and how it was left. */
export interface KeptCall extends Facts {
  /** Whether the page held it. */
  isHeld?: boolean;
}

/** The same of calls, by their names. */
export interface KeptCalls {
  [callId: string]: KeptCall;
}

/** The memory of one tab. It is written when the page goes, and emptied when the next one reads it: a tab that is duplicated
 * finds nothing, and cannot take the session from the tab that has it. */
export class Memory {
  readonly #environment: Environment;
  readonly #key: string;

  constructor(environment: Environment, url: string) {
    this.#environment = environment;
    this.#key = `webtrunk ${url}`;
  }

  keep(kept: Kept): void {
    this.#environment.storage?.setItem(this.#key, JSON.stringify(kept));
  }

  /** What is kept, which is so no more. */
  take(): Kept | null {
    const text = this.#environment.storage?.getItem(this.#key);
    this.#environment.storage?.removeItem(this.#key);
    return text ? JSON.parse(text) : null;
  }
}
