//! What is sent: made once, so that it is the same each time.

use bytes::Bytes;

use crate::rest::events::Numbered;
use crate::rest::keys::ApiKey;

/// An event, as one hook is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Names it for ever: the event's own name, which streams tell as `id`.
    pub id: String,
    /// JSON.
    pub body: Bytes,
}

impl Message {
    /// What a key is told of an event; nothing, where it may not know of it.
    pub(super) fn new(id: String, event: &Numbered, key: &ApiKey) -> Option<Self> {
        let told = event.happening.told_to(key, event.at)?;
        let body = serde_json::to_vec(&told).ok()?.into();
        Some(Self { id, body })
    }
}
