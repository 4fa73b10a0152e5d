// Things that tell what happens to them.

/** Whoever stops listening calls it. */
export type Off = () => void;

/** Tells of events, each of which has a name and a value. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` at each event of this name, until what is given back is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => { listeners.delete(listener); };
  }

  /** Calls `listener` at the next event of this name, and at no other. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): Off {
    const off = this.on(name, (event) => { off(); listener(event); });
    return off;
  }

  /** @internal A listener's fault is its own: the others are told all the same. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (fault) {
        queueMicrotask(() => { throw fault; });
      }
    }
  }
}
