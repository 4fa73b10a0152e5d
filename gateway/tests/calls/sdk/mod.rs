//! Pages with our own SDK, in a real browser, and phones at a trunk.

mod calls;
mod crm;
mod examples;
mod firefox;
mod replaced;
mod server;
mod set_up;
mod stage;
mod supervisor;
mod survival;
