//! A small SIP user agent of the load tester's own: it shares the gateway's message parser, nothing else.

mod dialog;
mod digest;
mod stream;
mod tls;
mod transactions;
mod user_agent;
mod websocket;
mod wire;

pub use digest::{Credentials, DigestAlgorithm};
pub use tls::Trust;

pub(crate) use dialog::{Dialog, address_of};
pub(crate) use transactions::{Mailbox, NewCall, Responses, Transactions};
pub(crate) use user_agent::{Account, UserAgent, token, uuid};
pub(crate) use wire::Wire;
