//! A call as a capture, for Wireshark and its like.
//!
//! What went by in streams and inside TLS is written as if it had been datagrams, one a message: the reader finds plain
//! SIP whatever carried it. Addresses, ports and times are the real ones.

mod capture;
mod frame;

pub use capture::{Capture, of_call};
pub use frame::{udp, udp_begin};
