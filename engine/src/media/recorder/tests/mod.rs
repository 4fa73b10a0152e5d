//! Recordings in virtual time: what two parties send goes in, and what is on disk is judged.

mod clock;
mod disk;
mod party;
mod sound;
