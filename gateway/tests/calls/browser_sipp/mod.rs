//! Calls between a page with JsSIP and a phone at a trunk, which sipp and our own RTP play.

mod blocked;
mod digits;
mod dropped;
mod given_up;
mod glare;
mod hold;
mod killed;
mod moved;
mod refreshed;
mod restart;
mod stage;
mod steady;
