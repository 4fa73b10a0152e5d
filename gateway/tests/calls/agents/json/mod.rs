//! Pages that speak the JSON API, with real media, in calls with phones, browsers and each other.

mod accounts;
mod addresses;
mod calls;
mod clock;
mod control;
mod customers;
mod entry;
mod explained;
mod idle;
mod keys;
mod kinds;
pub(in crate::agents) mod page;
mod people;
mod policy;
mod provider;
mod recordings;
mod room;
mod steady;
mod survival;
mod together;
mod told_hold;
mod transfers;
mod unread;
