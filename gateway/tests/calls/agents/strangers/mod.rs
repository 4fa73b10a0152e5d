//! Strangers that write octets themselves to the gateway's process, and calls that notice nothing of it.

mod crowds;
mod pings;
mod slow;
mod verdicts;

use super::wire;
