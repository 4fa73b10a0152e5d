//! Back ends: they see calls, make them and end them by an API key, and hear what happens.

mod api_keys;
pub(super) mod back_end;
mod calls;
mod control;
mod customers;
mod event_stream;
mod events;
mod floods;
mod fuzzed;
pub(crate) mod hook_receiver;
mod logins;
mod people;
mod policy;
mod provisioned;
mod recordings;
mod removed;
mod webhooks;
