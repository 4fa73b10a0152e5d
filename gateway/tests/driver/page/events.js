// What happened, in order. Each event can be waited for once, before or after it happens.

export class Events {
  #happened = [];
  #waiting = [];

  /** Notes an event. */
  tell(kind, facts = {}) {
    const event = { kind, ...facts };
    const index = this.#waiting.findIndex((waiter) => waiter.kind === kind);
    if (index < 0) this.#happened.push(event);
    else this.#waiting.splice(index, 1)[0].resolve(event);
  }

  /** The next event of a kind. */
  next(kind, milliseconds) {
    const index = this.#happened.findIndex((event) => event.kind === kind);
    if (index >= 0) return Promise.resolve(this.#happened.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
      const waiter = { kind, resolve };
      this.#waiting.push(waiter);
      setTimeout(() => {
        const at = this.#waiting.indexOf(waiter);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        const others = this.#happened.map((event) => JSON.stringify(event)).join(' ');
        reject(new Error(`no ${kind} in ${milliseconds} ms; instead: ${others || 'nothing'}`));
      }, milliseconds);
    });
  }

  /** Takes every event of a kind that happened until now. */
  taken(kind) {
    const taken = this.#happened.filter((event) => event.kind === kind);
    this.#happened = this.#happened.filter((event) => event.kind !== kind);
    return taken;
  }
}
