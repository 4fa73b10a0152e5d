//! Back ends: they see calls, make them and end them by an API key, and hear what happens.

mod back_end;
mod calls;
mod event_stream;
mod events;
mod recordings;
