//! Pages with our own SDK, in a real browser, and phones at a trunk.

mod calls;
mod crm;
mod ears;
mod examples;
mod ice_servers;
mod one_way;
mod paths;
mod replaced;
mod server;
mod sessions;
mod set_up;
mod speakers;
mod stage;
mod supervised;
mod supervisor;
mod survival;
