//! Datagrams: which leg one belongs to, and what goes out.

pub mod demux;
mod transmit;

pub use transmit::Transmit;
