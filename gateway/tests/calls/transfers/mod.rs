//! Transfers, by pages and by phones: who hears whom afterwards.

mod attended;
mod blind;
mod replaced;
mod stage;
