//! Signalling: protocols on one side, one call vocabulary on the other.

pub mod accounts;
pub mod adapter;
pub mod auth;
pub mod b2bua;
pub mod calendar;
pub mod cdr;
pub mod commons;
mod deadlines;
mod guarded;
pub mod http;
pub mod json;
pub mod locations;
pub mod lock;
pub mod log_lines;
pub mod moment;
pub mod origination;
pub mod presence;
pub mod q850;
pub mod rehearsal;
pub mod room;
pub mod routing;
pub mod sip;
pub mod spending;
pub mod switchboard;
pub mod text_rates;
mod tie;
mod user_calls;
