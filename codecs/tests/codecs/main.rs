//! What the codecs do to sound, measured on sound.

#![allow(clippy::unwrap_used)]

mod dtmf;
mod espeak;
mod g711_sweep;
mod g722_reference;
mod loss;
mod malformed;
mod opus_sound;
mod silence;
mod sound;
