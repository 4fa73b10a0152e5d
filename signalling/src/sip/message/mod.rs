//! SIP messages, RFC 3261 7, 19, 20, 25: bytes in, types out, and back.
//!
//! A parsed message keeps its bytes in one buffer: header values are slices of it, and typed values
//! are parsed on demand. Parsing is strict where two readers could differ; what is taken leniently is
//! said beside the rule.

mod address;
mod chars;
mod cseq;
mod error;
mod header_name;
mod headers;
mod host;
mod lines;
mod method;
mod params;
mod parse;
mod print;
mod rack;
mod replaces;
mod request;
mod response;
mod session_expires;
mod status;
mod stream;
mod typed;
mod uri;
mod validate;
mod via;

pub use address::{Contacts, NameAddr};
pub use bytestring::ByteString;
pub use cseq::CSeq;
pub use error::{Malformed, ParseError, RequestHead, SyntaxError};
pub use header_name::HeaderName;
pub use headers::{Header, Headers};
pub use host::Host;
pub use method::Method;
pub use params::Params;
pub use parse::{HEADERS_MAX, MESSAGE_MAX, Message};
pub use rack::RAck;
pub use replaces::Replaces;
pub use request::Request;
pub use response::Response;
pub use session_expires::{Refresher, SessionExpires};
pub use status::StatusCode;
pub use stream::Framing;
pub use uri::{Scheme, SipUri, Uri};
pub use validate::{Capabilities, Reject};
pub use via::Via;
