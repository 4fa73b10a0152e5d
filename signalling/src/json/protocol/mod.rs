//! What pages and the gateway say to each other: JSON-RPC 2.0, one object in each WebSocket message.
//!
//! ```text
//! page    {"jsonrpc":"2.0","id":1,"method":"call","params":{"to":"100","sdp":"v=0.."}}   Request
//! gateway {"jsonrpc":"2.0","id":1,"result":{"callId":"5f.."}}                            Outcome
//! gateway {"jsonrpc":"2.0","method":"ringing","params":{"seq":7,"callId":"5f.."}}        Event
//! ```
//!
//! These types are the only list there is: the reader, the JSON Schema and the tables of `docs/JSON_API.md` are made
//! of them.

mod cause;
mod diversion;
mod document;
mod error;
mod event;
mod frame;
mod outcome;
mod report;
mod request;
mod said;
mod scan;
mod statistics;
mod wrong;

pub use cause::Ended;
pub use diversion::{Diversion, DiversionReason};
pub use document::{asyncapi, reference, schema};
pub use error::{ErrorCode, ErrorData, Fault};
pub use event::{
    CallEvent, CallState, Candidates, Dtmf, Event, Incoming, KnownCall, Media, Message, OneWay, Presence,
    PresenceState, Progress, Quality, Registration, RegistrationState, Replaced, Speaker, TransferStep,
};
pub use frame::{Frame, Id, notification, refusal, response};
pub use outcome::{Connected, Nothing as Done, Outcome, Placed, Resumed, Sdp};
pub use report::{Report, ReportedCall, Rung};
pub use request::{
    Answer, Call, Candidate, Connect, Merge, Message as SendMessage, Mode, Mute, Named, Nothing, Ping, Proof,
    Record, Reject, Rejection, Request, Resume, SendDtmf, SetMode, Supervise, Transfer, Watch, Wish, WithSdp,
};
pub use statistics::Statistics;

/// The subprotocol that a page asks for (RFC 6455 1.9). The number is that of this vocabulary: what is added to it later
/// keeps the number, what is changed gets another.
pub const SUBPROTOCOL: &str = "webtrunk.v1.json";

/// Longest message of a page, in octets. Chosen by us: a description with a hundred candidates has a quarter of it.
pub const FRAME_MAX: usize = 64 * 1024;
