// Webtrunk's SDK: a phone in any page.

export { Call } from './call.js';
export type { CallEvents, CallState } from './call.js';
export { Devices } from './devices.js';
export type { Device, DeviceEvents } from './devices.js';
export type { Off } from './emitter.js';
export { WebtrunkError, isFault } from './fault.js';
export type { Facts } from './memory.js';
export { Phone } from './phone.js';
export type { CallOptions, PhoneEvents, PhoneOptions } from './phone.js';
export type { SessionState } from './session.js';
export type { BrowserStatistics } from './statistics.js';
export type {
  AccountState, Diversion, DiversionReason, Dtmf, Ended, Message2 as Message, Mode, OneWay, Presence, PresenceState, Progress, Registration, Report, Speaker, Proof, Quality, Rejection, Statistics,
  TransferStep, Wish,
} from './protocol.js';
