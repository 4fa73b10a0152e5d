//! Messages whose way is being found: the same that a call would go.

use std::collections::HashMap;
use std::time::Duration;

use webtrunk_engine::LegId;

use crate::adapter::{Dial, Passage, SendText};

/// The messages that wait for their way.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<LegId, SendText>);

impl Texts {
    /// Keeps a message, and gives the call whose way is its own.
    pub(super) fn begin(&mut self, text: SendText) -> Dial {
        let dial = Dial {
            leg: text.leg,
            target: text.target.clone(),
            caller: text.sender.clone(),
            on_behalf_of: text.on_behalf_of.clone(),
            transferred_by: None,
            offer: None,
            ring_timeout: Duration::ZERO,
            headers: Vec::new(),
            has_successor: false,
            hops: text.hops,
            passed: Passage::default(),
            span: text.span.clone(),
        };
        self.0.insert(text.leg, text);
        dial
    }

    /// The message whose way was sought, with its writer as the way's end is shown it; `None` for a call.
    pub(super) fn take(&mut self, dial: &Dial) -> Option<SendText> {
        let text = self.0.remove(&dial.leg)?;
        Some(SendText { sender: dial.caller.clone(), ..text })
    }
}
