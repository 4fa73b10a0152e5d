//! Strangers that write octets themselves to the gateway's process, and calls that notice nothing of it.

mod crowds;
mod foreign_pages;
mod frames;
mod pings;
mod slow;
mod told_once;
mod verdicts;

use super::wire;
