//! Pages with our own SDK, in a real browser, and phones at a trunk.

mod calls;
mod examples;
mod stage;
mod survival;
