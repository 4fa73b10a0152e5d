//! Transfers, by pages and by phones: who hears whom afterwards.

mod attended;
mod blind;
mod phones;
mod replaced;
mod ring;
mod sdk;
mod stage;
