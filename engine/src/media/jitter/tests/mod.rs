//! The jitter buffer in virtual time: a seeded link between a sender and a clock that pulls.

mod link;
mod order;
mod ring;
mod sound;
