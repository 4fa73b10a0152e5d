//! The extension point: what a signalling adapter reports and what it is told.
//!
//! Every protocol is turned into this one vocabulary, and nothing else crosses. Events report what
//! the far side did; commands say what the gateway wants done. Descriptions, and candidates that follow them, are carried
//! unopened.

mod command;
mod dial;
mod event;
mod incoming;
mod outlet;
mod party;
mod passage;
mod recording_policy;
mod supervising;
mod text;
mod work;

use tokio::sync::mpsc::Sender;

pub use command::{Command, News, RecordWish, TransferProgress};
pub use dial::{Dial, HeaderChange, Target};
pub use event::{EndCodes, Event};
pub use incoming::{HOPS_MAX, Header, Incoming, RefusedCall, leg_span};
pub use outlet::Outlet;
pub use party::{MediaProfile, Origin, Party};
pub use passage::{Diversion, DiversionReason, Passage};
pub use recording_policy::RecordingPolicy;
pub use supervising::{Supervising, SupervisorMode};
pub use text::{Content, ContentId, ContentKind, Delivery, SendText, Text};
pub use work::{Work, work};

/// Speaks one signalling protocol on behalf of the gateway.
///
/// An adapter owns its sockets and its protocol state. It never sees a packet of media and never
/// reads a [`SessionDescription`](webtrunk_engine::sdp::SessionDescription).
///
/// # Adding one
/// `docs/ADAPTERS.md` goes through it, by the smallest complete example.
/// 1. Implement this trait, with [`Work`] as the adapter's task and [`Outlet`] for its events.
/// 2. Map your protocol's failures to [`EndCause`](webtrunk_engine::EndCause); a table there shows SIP's.
/// 3. Run `adapter_contract!`: it plays answer, reject, cancel, glare, loss and hang-up at the adapter.
/// 4. Plug it into the gateway.
pub trait Adapter: Send + 'static {
    /// Short lower-case name, used in logs, metrics and dial strings ("sip", "json").
    fn name(&self) -> &'static str;

    /// Starts listening; events go to `events` until [`Command::Drain`] was obeyed. Commands are taken
    /// at any time, also while `events` is full. Who takes no more commands has ended.
    ///
    /// It is called again after an end without [`Command::Drain`], a panic in the task: of calls of before nothing is
    /// known any more, and the gateway has ended them on its side.
    ///
    /// # Errors
    /// [`StartError`] when a listener cannot be opened; nothing is left running.
    fn start(&mut self, events: Sender<Event>) -> Result<Sender<Command>, StartError>;
}

/// An adapter did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be bound.
    #[error("{adapter}: cannot listen on {address}: {source}")]
    Listen {
        /// The adapter's name.
        adapter: &'static str,
        /// The configured address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Events wait in a channel of their call, which keeps room for 32 at a time: what is large is boxed.
const _: () = assert!(size_of::<Event>() <= 64 && size_of::<Command>() <= 64);
