//! Calls between a page with JsSIP and a phone at a trunk, which sipp and our own RTP play.

mod digits;
mod hold;
mod killed;
mod restart;
mod stage;
