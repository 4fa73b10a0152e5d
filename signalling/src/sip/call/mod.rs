//! A call as one leg of ours sees it: the INVITE usage of a dialog (RFC 3261 13 to 15), as UAC and UAS.
//!
//! ```text
//!  Dial ----> Outgoing --- 2xx: ACK ------+      +--- BYE in: 200 ---------> (over)
//!                |                        v      |
//!                |                      Session -+--- Hangup: BYE --> Leaving --- final ---> (over)
//!                |                        ^
//!  INVITE --> Incoming --- Answer: 2xx ---+
//!                |
//!                +--- failure, CANCEL, Hangup ---> (over)
//! ```
//!
//! `Ended` is told when a leg leaves Outgoing, Incoming or Session for good; what is left of the
//! protocol then, a CANCEL under way or a BYE without answer, goes on without the gateway.

mod authorize;
mod body;
pub(in crate::sip) mod cause;
mod context;
mod digits;
mod dtmf;
mod early;
mod early_offer;
mod exchange;
mod hunt;
mod inbound;
mod incoming;
mod index;
mod invitation;
mod kept;
mod leaving;
mod notes;
mod outgoing;
mod path;
mod prack;
mod reach;
mod reason;
mod record;
mod redirect;
mod refer;
mod refresh;
mod refuse;
mod reliable;
mod reoffer;
mod session;
mod session_timer;
mod shown;
mod stage;
mod trickle;
mod unacknowledged;

pub(in crate::sip) use context::Context;
pub(in crate::sip) use incoming::Incoming;
pub use incoming::headers_of;
pub(in crate::sip) use index::DialogIndex;
pub(in crate::sip) use kept::Standing;
pub use kept::{CallChange, CallKeeper, KeptCall};
pub(in crate::sip) use leaving::Leaving;
pub(in crate::sip) use outgoing::Outgoing;
pub(in crate::sip) use path::Path;
pub(in crate::sip) use reach::reach_of;
pub(in crate::sip) use refuse::refuse_answer;
pub(in crate::sip) use stage::Call;
