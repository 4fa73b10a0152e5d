// Made of docs/json-api.schema.json by `npm run protocol`: do not edit.

/** Where an account stands at its provider. */
export type AccountState =
  /** The provider was asked for the first time, or is about to be. */
  | "registering"
  /** The provider has it: calls to it come to the page. */
  | "registered"
  /** The provider does not answer, or does not take the password; it is asked again later. */
  | "failing"
  /** The provider does not want it, or somebody else has it here; it is not asked again. */
  | "refused"
  /** The token does not want it registered: the page calls by it, and is not called. */
  | "outboundOnly";

/** Parameters of `answer`. */
export interface Answer {
  /** The call. */
  callId: string;
  /** The page's answer to the offer that `incoming` brought. */
  sdp: string;
}

/** Parameters of `call`. */
export interface Call {
  /** What the callee is told besides: headers that `json.headers_allow` names, 16 at most, each a name of 64 octets and a line of 512. They reach whom the other side's list lets them reach, and the dial plan looks at them. */
  headers?: { [name: string]: string } | null;
  /** The page's offer. */
  sdp: string;
  /** A number or user, as it would be dialled. */
  to: string;
}

/** About a call, and no more to say. */
export interface CallEvent {
  /** The call. */
  callId: string;
}

/** How far a call is. */
export type CallState =
  /** The page called, and nobody has lifted. */
  | "calling"
  /** Somebody calls, and the page has not answered. */
  | "incoming"
  /** Both talk. */
  | "connected";

/** Parameters of `candidate`. */
export interface Candidate {
  /** The call. */
  callId: string;
  /** The candidates found so far, with the description's `ice-ufrag`, `ice-pwd` and `mid` (RFC 8840 9). */
  fragment: string;
}

/** Parameters of `candidates`. */
export interface Candidates {
  /** The call. */
  callId: string;
  /** All the gateway's candidates, with its description's `ice-ufrag`, `ice-pwd` and `mid` (RFC 8840 9). */
  fragment: string;
}

/** Parameters of `connect`. */
export interface Connect {
  /** The name that is shown with the page's calls, where its proof says none. */
  displayName?: string | null;
  /** What proves it. */
  proof: Proof;
}

/** A session has begun. */
export interface Connected {
  /** What `RTCPeerConnection` is to be given as its `iceServers`; none where browsers reach the gateway straight. */
  iceServers: IceServer[];
  /** How long the session waits for it after its connection is lost, in s. */
  resumeS: number;
  /** What `resume` wants: good until a request comes by the connection that it opened. */
  resumeToken: string;
  /** The session's name, for logs. */
  session: string;
  /** Who the page is to others. */
  user: string;
}

/** Somebody who was called before. */
export interface Diversion {
  /** Why the call went on from there. */
  reason: DiversionReason;
  /** Its number or name. */
  user: string;
}

/** Why a call went on from somebody (RFC 5806 4). */
export type DiversionReason =
  /** Nobody says. */
  | "unknown"
  /** It was in another call. */
  | "busy"
  /** It did not lift. */
  | "noAnswer"
  /** It could not be reached. */
  | "unavailable"
  /** It always sends its calls on. */
  | "unconditional"
  /** It sent this one on, or transferred it. */
  | "deflection";

/** Nothing more to say. */
export interface Done {}

/** Parameters of `dtmf`. */
export interface Dtmf {
  /** The call. */
  callId: string;
  /** One of `0-9*#A-D`. */
  digit: string;
  /** How long it was held, in ms. */
  durationMs: number;
}

/** Parameters of `ended`. */
export interface Ended {
  /** The call. */
  callId: string;
  /** One word, by which programs go. */
  cause: string;
  /** The cause in the telephone network that says it (ITU-T Q.850). */
  q850: number;
  /** The SIP status that says it (RFC 3261 21). */
  sipStatus: number;
  /** The same for people. */
  text: string;
}

/** What is told. */
export interface Error {
  /** The code, by which programs go. */
  code: number;
  /** Where it is, where it is a fault of one member. */
  data?: ErrorData | null;
  /** For people who read logs. */
  message: string;
}

/** Where a request is wrong. */
export interface ErrorData {
  /** The member that is wrong, by its path: a parameter from `params` on (`to`, `proof.token`, `users[3]`), else one of the message itself (`id`, `method`). */
  field: string;
}

/** Servers for a page, as `RTCPeerConnection` takes them. */
export interface IceServer {
  /** Its password. */
  credential?: string | null;
  /** Where they are. */
  urls: string[];
  /** The name to use them by; it says when it ends, in seconds since 1970. */
  username?: string | null;
}

/** Parameters of `incoming`. */
export interface Incoming {
  /** The call. */
  callId: string;
  /** The caller's display name; empty where there is none. */
  displayName: string;
  /** Who was called before, the first one first: by what a trunk tells that is believed (`trunks[].diversion`), by the dial plan, and who transferred the caller. */
  diversions: Diversion[];
  /** Who calls: a number or user. */
  from: string;
  /** What the callee is told besides: by the dial plan (`headers` of its actions), and of the caller's headers those that the lists of both sides name (`json.headers_allow`). One that was said several times has its values behind commas. */
  headers: { [name: string]: string };
  /** The gateway's offer, for `answer` to answer. */
  sdp: string;
  /** Who transfers the caller to the page, where that is how the call comes about. */
  transferredBy?: string | null;
}

/** A call as `resume` tells of it. */
export interface KnownCall {
  /** The call. */
  callId: string;
  /** Whom it is with: who calls, or what was dialled. */
  peer: string;
  /** The gateway's offer, of a call that came in and is not answered. */
  sdp?: string | null;
  /** How far it is. */
  state: CallState;
}

/** Parameters of events that bring a description. */
export interface Media {
  /** The call. */
  callId: string;
  /** The gateway's answer. */
  sdp?: string | null;
}

/** Parameters of `merge`. */
export interface Merge {
  /** The call that all are in then. */
  callId: string;
  /** The call whose other party comes to it. */
  withCall: string;
}

/** Parameters of `message`. */
export interface Message {
  /** What is written. */
  text: string;
  /** A number or user, as it would be dialled. */
  to: string;
}

/** Parameters of `message`. */
export interface Message2 {
  /** The writer's display name; empty where there is none. */
  displayName: string;
  /** Who wrote. */
  from: string;
  /** What was written. */
  text: string;
}

/** What a supervisor is to the two that talk. */
export type Mode =
  /** Hears both, and nobody hears it. */
  | "listen"
  /** Hears both, and the supervised user alone hears it. */
  | "whisper"
  /** Takes part. */
  | "barge";

/** Parameters of `mute`. */
export interface Mute {
  /** The call. */
  callId: string;
  /** Whether the page is muted from now on. */
  muted: boolean;
}

/** Parameters of methods that name a call. */
export interface Named {
  /** The call. */
  callId: string;
}

/** No parameters. */
export interface Nothing {}

/** Parameters of `oneWay`. */
export interface OneWay {
  /** The call. */
  callId: string;
  /** Whether it is the page that the other end does not hear; else the page does not hear the other end. */
  isSelfUnheard: boolean;
}

/** Parameters of `ping`. */
export interface Ping {
  /** The number of the last event that the page saw. */
  lastSeen?: number | null;
}

/** A call is being placed. */
export interface Placed {
  /** Its name, by which events and requests name it. */
  callId: string;
}

/** Parameters of `presence`. */
export interface Presence {
  /** What it does. */
  state: PresenceState;
  /** The user. */
  user: string;
}

/** What a user does. */
export type PresenceState =
  /** It has no call. */
  | "idle"
  /** It is called, or calls. */
  | "ringing"
  /** It talks. */
  | "talking";

/** Parameters of `transferProgress`. */
export interface Progress {
  /** The call. */
  callId: string;
  /** Why it failed, in a word of `ended`. */
  cause?: string | null;
  /** How far it is. */
  step: TransferStep;
}

/** What proves who a page is. */
export type Proof =
  /** A token, as the page's server gave it (docs/TOKENS.md). */
  | {
    kind: "token";
    /** The token. */
    token: string;
  }
  /** A name that lasts for a while, `EXPIRY:USER`, and its password. */
  | {
    kind: "ephemeral";
    /** The name. */
    name: string;
    /** Its password. */
    password: string;
  }
  /** A user and its password, where the gateway is configured to take them. */
  | {
    kind: "password";
    /** Its password. */
    password: string;
    /** The user. */
    user: string;
  };

/** Parameters of `quality`: of `statistics` what changes the most. */
export interface Quality {
  /** The call. */
  callId: string;
  /** How unevenly the page's packets came, in ms. */
  jitterMs: number;
  /** Packets of the page's that never came, in all. */
  lost: number;
  /** What the page lost, by its latest report, in percent. */
  lostSentPercent: number;
  /** How what the page says is to talk with, lately: 1 to 4.5 (ITU-T G.107). */
  mosReceived?: number | null;
  /** The same of what the page hears, by its reports. */
  mosSent?: number | null;
  /** To the page and back, in ms. */
  roundTripMs?: number | null;
  /** How loud the page's speech is, in dBm0. */
  speechDbm0?: number | null;
}

/** Parameters of `record`. */
export interface Record {
  /** The call. */
  callId: string;
  /** What is wanted. */
  wish: Wish;
}

/** Parameters of `registration`. */
export interface Registration {
  /** Where the account stands at its provider that the page's token brought; told again whenever that changes. */
  account?: AccountState | null;
  /** Whether it can be called. */
  state: RegistrationState;
}

/** Whether a page can be called. */
export type RegistrationState =
  /** Calls to its user come to the page. */
  | "registered";

/** Parameters of `reject`. */
export interface Reject {
  /** The call. */
  callId: string;
  /** Why; `declined` where nothing is said. */
  cause?: Rejection;
}

/** Why a call is refused. */
export type Rejection =
  /** The person does not want it: no other of its phones rings on. */
  | "declined"
  /** The person is in another call. */
  | "busy";

/** Parameters of `replacedSession`. */
export interface Replaced {}

/** A session, as it stands. It holds no token, no password, and no keys of media. */
export interface Report {
  /** The address that the page comes from. */
  address: string;
  /** Its calls. */
  calls: ReportedCall[];
  /** For how long it has been connected, in ms. */
  connectedMs: number;
  /** What was said lately, the oldest first. */
  ladder: Rung[];
  /** The number of the last event. */
  lastEvent: number;
  /** The session's name, for logs. */
  session: string;
  /** Who the page is to others. */
  user: string;
  /** The gateway's version. */
  version: string;
}

/** A call of a report. */
export interface ReportedCall {
  /** The call. */
  callId: string;
  /** Its leg, by which the gateway's log tells of it, and by that of its call. */
  leg: string;
  /** Whom it is with: who calls, or what was dialled. */
  peer: string;
  /** How far it is. */
  state: CallState;
  /** What was measured of it last. */
  statistics?: Statistics | null;
}

/** Parameters of `resume`. */
export interface Resume {
  /** The number of the last event that the page saw; 0 for none. */
  lastSeen: number;
  /** The resume token of the last answer to `connect` or `resume`. It is good once. */
  token: string;
}

/** A session goes on. */
export interface Resumed {
  /** The calls that there are. */
  calls: KnownCall[];
  /** Whether events are gone that the page did not see: then what `calls` says is all there is to know. */
  eventsLost: boolean;
  /** The same as at first, with passwords that last anew. */
  iceServers: IceServer[];
  /** How long the session waits for it after its connection is lost, in s. */
  resumeS: number;
  /** What the next `resume` wants; the one before it is good until the first request by this connection. */
  resumeToken: string;
  /** The session's name, for logs. */
  session: string;
  /** Who the page is to others. */
  user: string;
}

/** One message of the page's or of the gateway's. */
export interface Rung {
  /** When it was said, in ms since the session began. */
  atMs: number;
  /** The call that it is about. */
  callId?: string | null;
  /** Whether the page said it. */
  isFromPage: boolean;
  /** The method, or the event. */
  said: string;
}

/** The gateway's answer to the page's offer. */
export interface Sdp {
  /** The answer. */
  sdp: string;
}

/** Parameters of `sendDtmf`. */
export interface SendDtmf {
  /** The call. */
  callId: string;
  /** 1 to 32 of `0-9*#A-D`. */
  digits: string;
  /** How long each is held, in ms: 40 to 6000. */
  durationMs?: number;
}

/** Parameters of `setMode`. */
export interface SetMode {
  /** The supervisor's call. */
  callId: string;
  /** What the page is from now on. */
  mode: Mode;
}

/** Parameters of `speaker`. */
export interface Speaker {
  /** The call. */
  callId: string;
  /** Whether it is the page itself. */
  isSelf: boolean;
  /** Who speaks, as the others call it: a user, or the number that a caller shows. None where nobody does. */
  name?: string | null;
}

/** What is measured of the page's own leg at the gateway. "Received" is what the page said, "sent" what it hears. */
export interface Statistics {
  /** The codec of what the page says. */
  codecReceived?: string | null;
  /** The codec of what the page hears. */
  codecSent?: string | null;
  /** Packets of those that never came that were invented. */
  concealed: number;
  /** Whether what the page hears is decoded and encoded on the way. */
  isTranscoded: boolean;
  /** How unevenly packets came, in ms (RFC 3550 A.8). */
  jitterMs: number;
  /** Packets that never came. */
  lost: number;
  /** What the page lost of those, by its latest report, in percent. */
  lostSentPercent: number;
  /** How what the page says is to talk with, lately: 1 to 4.5 (ITU-T G.107). */
  mosReceived?: number | null;
  /** The same of what the page hears, by its reports. */
  mosSent?: number | null;
  /** Packets that came. */
  packetsReceived: number;
  /** Packets that were sent. */
  packetsSent: number;
  /** Packets of those that never came that were restored from redundancy. */
  recovered: number;
  /** To the page and back, in ms. */
  roundTripMs?: number | null;
  /** How loud the page's speech is, in dBm0. */
  speechDbm0?: number | null;
}

/** Parameters of `supervise`. */
export interface Supervise {
  /** What the page is to the two that talk. */
  mode: Mode;
  /** The page's offer. */
  sdp: string;
  /** The user whose call it is. */
  user: string;
}

/** Parameters of `transfer`: `to` or `withCall`. */
export interface Transfer {
  /** The call whose other party is handed on. */
  callId: string;
  /** Who is called to take the page's place. */
  to?: string | null;
  /** The call whose other party takes the page's place. */
  withCall?: string | null;
}

/** How far a transfer is. */
export type TransferStep =
  /** It is allowed, and others are being called. */
  | "began"
  /** A phone rings. */
  | "ringing"
  /** Another has the page's place: `ended` follows. */
  | "done"
  /** Nobody took it: the call goes on. */
  | "failed";

/** Parameters of `watch`. */
export interface Watch {
  /** The users, 200 at most; none ends it. */
  users: string[];
}

/** What a page wants of the recording. */
export type Wish =
  /** It begins, or goes on. */
  | "on"
  /** It ends. */
  | "off"
  /** Silence stands for what is said. */
  | "pause"
  /** What is said is recorded again. */
  | "resume";

/** Parameters of methods that make an offer. */
export interface WithSdp {
  /** The call. */
  callId: string;
  /** The page's offer. */
  sdp: string;
}

/** The parameters of each request, by its method. */
export interface Methods {
  /** Proves who the page is, and begins a session. The first request of a connection, where `resume` is not. */
  connect: Connect;
  /** Goes on with a session whose connection was lost. What was missed follows the answer, in its order. */
  resume: Resume;
  /** Ends the session: its calls are hung up, and the connection is closed. */
  disconnect: Nothing;
  /** Calls somebody. The answer comes at once; how it goes is told by events. */
  call: Call;
  /** Takes a call that came in. */
  answer: Answer;
  /** Refuses a call that came in. */
  reject: Reject;
  /** Ends a call, whatever its state. */
  hangup: Named;
  /** Holds a call: the offer says `sendonly` or `inactive`. Answered when the gateway has answered the offer. */
  hold: WithSdp;
  /** Ends a hold: the offer says `sendrecv`. */
  resumeMedia: WithSdp;
  /** Changes a call's media: ICE is restarted, a device was changed. */
  update: WithSdp;
  /** After a reload: a new connection for the media of a call that the session still has. Answered when the gateway has answered the offer, by `sdp`; no `connected` comes. */
  rejoin: WithSdp;
  /** Tells candidates that were found after the description. */
  candidate: Candidate;
  /** Has the page not be heard, whatever it sends, or be heard again: in a conference too. After `rejoin` it is heard. */
  mute: Mute;
  /** Presses keys. */
  sendDtmf: SendDtmf;
  /** Has another party take the page's place: one that is called, or the one of another call of the session. */
  transfer: Transfer;
  /** Has the other parties of two calls of the session and the page all hear each other. Answered when they do: then `withCall` ends, and its party is in `callId`. */
  merge: Merge;
  /** Is in the call that a user talks in, as its supervisor, where the configuration lets the page's user. Answered and told of as `call` is. */
  supervise: Supervise;
  /** Changes what a supervisor is to the two that talk. */
  setMode: SetMode;
  /** Starts, ends, pauses or resumes the recording, where the dial plan lets the page. */
  record: Record;
  /** Tells what is measured of a call's media now. */
  statistics: Named;
  /** Tells what may be of use to whoever looks for a fault: of the session, its calls, and what was said lately, without secrets. */
  report: Nothing;
  /** Tells what these users do from now on, and no others: each by `presence` at once, and whenever that changes. */
  watch: Watch;
  /** Writes to somebody, out of any call. */
  message: Message;
  /** Answered at once. With `lastSeen` the gateway forgets the events up to there. */
  ping: Ping;
}

/** The parameters of each event, by its name, without their number. */
export interface Events {
  /** The page can be called, or no longer. */
  registration: Registration;
  /** Somebody calls: the page rings. */
  incoming: Incoming;
  /** A call of the page's is on its way. */
  trying: CallEvent;
  /** It rings at the other end. */
  ringing: CallEvent;
  /** Something can be heard before the answer: the gateway's answer to the page's offer. */
  earlyMedia: Media;
  /** The call is up. The description is the gateway's answer, where it was not told before. */
  connected: Media;
  /** The other end holds the call. */
  held: CallEvent;
  /** The other end holds it no more. */
  resumed: CallEvent;
  /** The other end pressed a key. */
  dtmf: Dtmf;
  /** How the page's `transfer` goes. */
  transferProgress: Progress;
  /** What is measured of a call's media, every five seconds. It is not told again after `resume`. */
  quality: Quality;
  /** Another speaks in the conference that the call is in, or nobody any more. It is not told again after `resume`. */
  speaker: Speaker;
  /** One of the two has been heard for ten seconds and seems not to be heard itself: a microphone without sound, a network that carries audio in one direction alone, or somebody who has only listened for twenty. It is not told again after `resume`. */
  oneWay: OneWay;
  /** What a user does that the page watches. After `resume` it is told of all of them, as it is then. */
  presence: Presence;
  /** The gateway is found at further addresses, of which its description told nothing. */
  candidates: Candidates;
  /** Nothing is heard of the page's media: it should restart ICE by `update`. */
  restartNeeded: CallEvent;
  /** Somebody wrote. */
  message: Message2;
  /** The call is over; nothing follows for it. */
  ended: Ended;
  /** The session goes on elsewhere, or another took its place: this connection is closed next. */
  replacedSession: Replaced;
}
