//! Calls between our own callers, WebRTC and plain RTP: what they see of media that no ready-made phone tells.

mod actions;
mod attacks;
mod candidates;
mod codecs;
mod conference;
mod conference_keys;
mod ear;
mod endurance;
mod faults;
mod impostor;
mod ipv6;
mod keys;
mod lite;
mod matched;
mod moved;
mod pauses;
mod played;
mod recorded;
mod recorded_on_demand;
mod recorded_own;
mod recorded_slowly;
mod secure;
mod srtp;
mod stage;
mod trickled;
mod wishes;
