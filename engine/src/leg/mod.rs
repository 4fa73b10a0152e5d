//! Legs: our side of one media association each.

pub mod webrtc;
