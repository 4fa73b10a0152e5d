//! The interface for operators: HTTP on loopback, for who has the token that is made at each start.
//!
//! ```text
//! webtrunk calls, curl --- Authorization: Bearer TOKEN ---> authorize --+-- /calls        answered from what is known
//!                                                               |       +-- /certs
//!                                                               |       +-- /users, /customers, /keys, /apikeys
//!                                                               |       `-- /reload ...   an errand, for who serves
//!                                                               `---> 401, with the reason
//! ```
//!
//! Answers are JSON, errors too: `{"error": "unauthorized", "message": "why, and what to do"}`.

mod answer;
mod authorize;
mod calls;
mod certs;
mod client;
mod drain;
mod errands;
mod figures;
mod flag;
mod people;
mod reload;
mod server;
mod token;
mod traces;

pub use calls::Calls;
pub(crate) use calls::{CallList, CallSummary, HungUp, LegSummary};
pub(crate) use certs::{CertificateList, ListedCertificate};
pub use client::{AskError, Client};
pub use errands::{DrainReport, Errand, Errands};
pub(crate) use people::{ApiKeyList, CustomerList, KEEP_S, KeyList, MadeBody, UserList};
pub(crate) use reload::RefusedReload;
pub use server::{AdminError, AdminServices, BoundAdmin};
pub use traces::Traces;
pub(crate) use traces::{Capturing, TraceList, TraceSummary};
