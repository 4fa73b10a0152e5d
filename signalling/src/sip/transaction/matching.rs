//! How messages find their transaction: RFC 3261 17.1.3 and 17.2.3, and merged requests, 8.2.2.2.

use std::fmt::Write as _;

use crate::sip::flow::Flow;
use crate::sip::message::{Method, ParseError, Request, Response};

/// Everything that tells one transaction from the others, as one text with `\n` between its parts:
/// no part can hold one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct MatchId(Box<str>);

impl MatchId {
    /// The server transaction of a request, its Via stamped or not yet; for an ACK that of its INVITE.
    ///
    /// A branch without the magic cookie, or with nothing behind it, names nothing: such a request of
    /// RFC 2543 is known by all that its retransmissions share, and by where it came from.
    pub(super) fn server(request: &Request, flow: &Flow) -> Result<Self, ParseError> {
        let method = if request.method == Method::Ack { &Method::Invite } else { &request.method };
        Self::server_with_method(request, method, flow)
    }

    /// The server transaction of the INVITE that a CANCEL is about (RFC 3261 9.2).
    pub(super) fn cancelled(cancel: &Request, flow: &Flow) -> Result<Self, ParseError> {
        Self::server_with_method(cancel, &Method::Invite, flow)
    }

    fn server_with_method(request: &Request, method: &Method, flow: &Flow) -> Result<Self, ParseError> {
        let mut via = request.headers.via()?;
        let mut id = format!("{method}\n");
        match via.unique_branch() {
            Some(branch) => {
                write!(id, "{branch}\n{}\n{:?}", via.host, via.port).expect("writes to a String");
            }
            None => {
                via.params.remove("received");
                via.params.remove("rport");
                let from = request.headers.from()?;
                let call_id = request.headers.call_id()?;
                let cseq = request.headers.cseq()?.number;
                let tag = from.tag().unwrap_or_default();
                let remote = flow.remote;
                write!(id, "{}\n{tag}\n{call_id}\n{cseq}\n{via}\n{remote}", request.uri)
                    .expect("writes to a String");
            }
        }
        Ok(Self(id.into_boxed_str()))
    }

    /// The client transaction with this branch.
    pub(super) fn client(branch: &str, method: &Method) -> Self {
        Self(format!("{method}\n{branch}").into_boxed_str())
    }

    /// The client transaction that a response belongs to.
    pub(super) fn of_response(response: &Response) -> Result<Self, ParseError> {
        let via = response.headers.via()?;
        let cseq = response.headers.cseq()?;
        Ok(Self::client(via.branch().unwrap_or_default(), &cseq.method))
    }

    /// What a request that begins something shares with its copies that took other paths; `None`
    /// inside a dialog.
    pub(super) fn merged(request: &Request) -> Result<Option<Self>, ParseError> {
        if request.headers.to()?.tag().is_some() {
            return Ok(None);
        }
        let from = request.headers.from()?;
        let tag = from.tag().unwrap_or_default();
        let call_id = request.headers.call_id()?;
        let cseq = request.headers.cseq()?;
        Ok(Some(Self(format!("{tag}\n{call_id}\n{cseq}").into_boxed_str())))
    }
}
