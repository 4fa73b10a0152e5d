//! Transfers, by pages and by phones: who hears whom afterwards.

mod blind;
mod stage;
