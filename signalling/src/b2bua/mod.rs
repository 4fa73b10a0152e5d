//! The back-to-back user agent: two or more legs, paired by a plan (RFC 7092).

mod answering;
mod away;
mod call;
mod calling;
mod change;
mod conference;
mod control;
mod courier;
mod digits;
mod effect;
mod ending;
mod key_reader;
mod meeting;
mod menu;
mod mute;
mod news;
mod notes;
mod nowhere;
mod originating;
mod party;
mod passage;
mod recording;
mod recording_policy;
mod redirect;
mod replace;
mod restart;
mod round;
#[cfg(test)]
mod tests;
mod told_hold;
mod transfer;

pub use call::B2bua;
pub use control::{Control, Wish};
pub use courier::Courier;
pub use effect::{DigitMode, Directory, Effect, Input, Place, Redirects, Settings};
