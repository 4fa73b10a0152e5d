// What the SDK needs of a browser. Tests give it another, in which time is an argument.

/** Takes back what was begun. */
export type Cancel = () => void;

/** A browser, as far as the SDK needs one. */
export interface Environment {
  openSocket(url: string, protocol: string): WebSocket;
  openConnection(configuration: RTCConfiguration): RTCPeerConnection;
  /** Where sound is played; null where there is nowhere. */
  openAudio(): HTMLAudioElement | null;
  readonly devices: MediaDevices | undefined;
  /** What outlives a reload of the tab. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined;
  /** Runs a task in so many milliseconds. */
  after(milliseconds: number, task: () => void): Cancel;
  /** From 0 to 1. */
  random(): number;
  /** Runs a task whenever the window tells of this. */
  watch(event: 'online' | 'pagehide' | 'pageshow', task: () => void): Cancel;
}

/** The browser that runs this. */
export function browser(): Environment {
  return {
    openSocket: (url, protocol) => new WebSocket(url, protocol),
    openConnection: (configuration) => new RTCPeerConnection(configuration),
    openAudio: () => (typeof Audio === 'undefined' ? null : new Audio()),
    devices: navigator.mediaDevices,
    storage: storage(),
    after(milliseconds, task) {
      const timer = setTimeout(task, milliseconds);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    watch(event, task) {
      window.addEventListener(event, task);
      return () => window.removeEventListener(event, task);
    },
  };
}

/** A page may be forbidden to keep anything. */
function storage(): Storage | undefined {
  try {
    return window.sessionStorage;
  } catch {
    return undefined;
  }
}
