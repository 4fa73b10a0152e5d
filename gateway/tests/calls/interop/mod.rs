//! The gateway with other people's servers and phones: what `make interop` runs and writes down.
//!
//! They need programs that `make test` does not install, so they are run by name alone.

mod baresip_calls;
mod cells;
mod ear;
mod edge;
mod kamailio;
mod linphone;
mod linphone_calls;
mod network;
mod offices;
mod plan;
mod refreshes;
mod transfers;
