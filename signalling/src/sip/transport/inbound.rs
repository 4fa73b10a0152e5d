//! What the transports tell the adapter, and the first judgement on bytes (RFC 3261 18.2.1, 21.4.1).

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::{MESSAGE_MAX, Malformed, Message, ParseError, Reject};

/// What came in.
#[derive(Debug)]
pub enum Inbound {
    /// A well-formed message, its Via as it came.
    Message {
        /// Where it came from.
        flow: Flow,
        /// The message.
        message: Box<Message>,
    },
    /// A stream is over; nothing can be sent on it and nothing comes from it any more.
    Closed(ConnectionId),
    /// A ping of ours was answered: the flow lives.
    Ponged(Flow),
    /// A datagram found nobody there, as ICMP says, which may be forged.
    Refused(Flow),
}

/// Where what came in comes out: of strangers' datagrams, which are any number, what is left when all else was taken.
#[derive(Debug)]
pub struct InboundReceiver {
    pub(super) known: mpsc::Receiver<Inbound>,
    pub(super) strangers: mpsc::Receiver<Inbound>,
}

impl InboundReceiver {
    /// The next one; `None` when the layer is gone. Nothing is lost where this is given up.
    pub async fn recv(&mut self) -> Option<Inbound> {
        tokio::select! {
            biased;
            Some(known) = self.known.recv() => Some(known),
            stranger = self.strangers.recv() => stranger,
        }
    }
}

/// What a message looks like at the door.
#[derive(Debug)]
pub(super) enum Verdict {
    Message(Box<Message>),
    /// No parser takes it. A request that can be answered has been refused in these bytes.
    Malformed {
        refusal: Option<Bytes>,
    },
}

/// Parses a message, and answers a request that no parser takes or whose way back cannot be read.
/// Whether a message makes sense is for the core to say.
pub(super) fn judge(flow: &Flow, bytes: Bytes) -> Verdict {
    verdict_of(flow, Message::parse(bytes))
}

/// The verdict on the begin of a stream of which no message can be cut, because of this fault.
pub(super) fn judge_uncut(flow: &Flow, mut bytes: Bytes, fault: ParseError) -> Verdict {
    bytes.truncate(MESSAGE_MAX);
    verdict_of(flow, Message::parse(bytes).map_err(|malformed| Malformed { error: fault, ..malformed }))
}

fn verdict_of(flow: &Flow, read: Result<Message, Malformed>) -> Verdict {
    match read {
        Ok(Message::Request(request)) => match request.headers.via() {
            Ok(_) => Verdict::Message(Box::new(Message::Request(request))),
            Err(error) => {
                tracing::debug!(%flow, reason = %error, "no Via to go by");
                let response = Reject::from(error).response(&request, None);
                Verdict::Malformed { refusal: response.map(|response| response.to_bytes()) }
            }
        },
        Ok(response) => Verdict::Message(Box::new(response)),
        Err(malformed) => {
            tracing::debug!(%flow, reason = %malformed.error, "malformed message");
            Verdict::Malformed { refusal: refusal(flow, &malformed) }
        }
    }
}

fn refusal(flow: &Flow, malformed: &Malformed) -> Option<Bytes> {
    let mut response = malformed.response()?;
    if let Ok(mut via) = response.headers.via() {
        via.stamp(flow.remote);
        response.headers.set_top_via(&via);
    }
    Some(response.to_bytes())
}
