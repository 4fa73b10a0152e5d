//! REFER inside a call (RFC 3515): the peer wants another in its place. The gateway does it; the peer is told by
//! NOTIFY how it goes, unless it does not want to know (RFC 4488).
//!
//! ```text
//!  REFER --- cannot be meant for us, or is refused by the gateway ---> 4xx, 603
//!    |
//!    +--- Began: 202, NOTIFY 100 --- Ringing: NOTIFY 180 --- Done, Failed: NOTIFY 200, 300-699, the last
//! ```
//!
//! Notifications are not awaited: one that overtakes another has a higher CSeq, and the last one counts.

use webtrunk_engine::LegId;

use super::Context;
use super::cause::status_of;
use super::session::Session;
use crate::adapter::{Event, Origin, TransferProgress};
use crate::sip::message::{HeaderName, Method, NameAddr, Request, SipUri, StatusCode, Uri};
use crate::sip::transaction::TransactionKey;

/// How long a subscription is said to last: as long as a call may wait for its answer, chosen by us.
const EXPIRES_S: u32 = 300;

/// What a peer refers to, and what it is told of it.
#[derive(Debug, Default)]
pub(super) struct Referrals {
    /// The REFER that the gateway has not answered.
    asked: Option<(TransactionKey, Box<Request>)>,
    /// The `Event` of the notifications for the one under way.
    subscription: Option<String>,
    /// Whether there was one before, from which later ones are told by their CSeq.
    is_used: bool,
}

/// Why a REFER is refused at once.
type Refusal = (StatusCode, &'static str);

impl Session {
    /// Asks the gateway for what the peer wants.
    pub(super) fn handle_refer(&mut self, key: TransactionKey, refer: Request, context: &mut Context<'_>) {
        if self.referrals.asked.is_some() {
            return context.answer(key, &refer, StatusCode::REQUEST_PENDING);
        }
        match self.referred_to(&refer, context) {
            Ok((destination, replaces)) => {
                self.referrals.asked = Some((key, Box::new(refer)));
                context.tell(Event::TransferAsked { leg: context.leg, destination, replaces });
            }
            Err((status, reason)) => {
                let mut response = refer.response(status, None);
                response.reason = reason.into();
                context.respond(key, response);
            }
        }
    }

    /// Tells the peer how it goes.
    pub(super) fn tell_transfer(&mut self, progress: TransferProgress, context: &mut Context<'_>) {
        match (self.referrals.asked.take(), progress) {
            (Some((key, refer)), TransferProgress::Failed(cause)) => {
                context.answer(key, &refer, status_of(cause));
            }
            (Some((key, refer)), TransferProgress::Began) => {
                self.accept_refer(key, &refer, context);
                self.notify(StatusCode::TRYING, context);
            }
            (_, TransferProgress::Ringing) => self.notify(StatusCode::RINGING, context),
            (_, TransferProgress::Done) => self.notify(StatusCode::OK, context),
            (_, TransferProgress::Failed(cause)) => self.notify(status_of(cause), context),
            (None, TransferProgress::Began) => {}
        }
    }

    /// The call ends before the gateway's answer.
    pub(super) fn forget_refer(&mut self, context: &mut Context<'_>) {
        if let Some((key, refer)) = self.referrals.asked.take() {
            context.answer(key, &refer, StatusCode::REQUEST_TERMINATED);
        }
    }

    fn accept_refer(&mut self, key: TransactionKey, refer: &Request, context: &mut Context<'_>) {
        let mut response = refer.response(StatusCode::ACCEPTED, None);
        context.introduce(&mut response.headers, &self.path.flow());
        let refer_sub = HeaderName::from("Refer-Sub");
        let wants_none =
            refer.headers.get(&refer_sub).is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        self.referrals.subscription = if wants_none {
            response.headers.push(refer_sub, "false");
            None
        } else if self.referrals.is_used {
            // RFC 3515 2.4.6.
            let id = refer.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
            Some(format!("refer;id={id}"))
        } else {
            Some("refer".to_owned())
        };
        self.referrals.is_used = true;
        context.respond(key, response);
    }

    /// RFC 3515 2.4.4: a status line that says how the call to the other goes. The final one is the last.
    fn notify(&mut self, status: StatusCode, context: &mut Context<'_>) {
        let Some(event) = self
            .referrals
            .subscription
            .take_if(|_| status.is_final())
            .or_else(|| self.referrals.subscription.clone())
        else {
            return;
        };
        let state = if status.is_final() {
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={EXPIRES_S}")
        };
        let flow = self.flow(context);
        let mut notify = self.dialog.request(Method::Notify);
        context.introduce(&mut notify.headers, &flow);
        notify.headers.push(HeaderName::Event, event);
        notify.headers.push(HeaderName::SubscriptionState, state);
        notify.headers.set(HeaderName::ContentType, "message/sipfrag;version=2.0");
        notify.body = format!("SIP/2.0 {} {}\r\n", status.code(), status.reason()).into();
        self.send(notify, context);
    }

    /// Whom the peer would have dialled, and the leg whose place that one is to take (RFC 3891): an ordinary call would
    /// leave the call of that leg as it is, which nobody asked for.
    fn referred_to(
        &self,
        refer: &Request,
        context: &Context<'_>,
    ) -> Result<(String, Option<LegId>), Refusal> {
        let mut values = refer.headers.get_all(&HeaderName::ReferTo);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err((StatusCode::BAD_REQUEST, "One Refer-To Is Needed"));
        };
        let address: NameAddr = value.parse().map_err(|_| (StatusCode::BAD_REQUEST, "Bad Refer-To"))?;
        if escapes_control(value) {
            return Err((StatusCode::BAD_REQUEST, "Refer-To Has Control Characters"));
        }
        let Uri::Sip(uri) = &address.uri else {
            return Err((StatusCode::UNSUPPORTED_URI_SCHEME, "Refer-To Is No SIP URI"));
        };
        if uri.params.get("method").is_some_and(|method| method != Method::Invite.as_str()) {
            return Err((StatusCode::DECLINE, "Only INVITE Is Referred To"));
        }
        let user = uri.dialled();
        if let Some(replaces) = uri.replaces().map_err(|_| (StatusCode::BAD_REQUEST, "Bad Replaces"))? {
            // Whose host the URI names is of no meaning: the call is ours, or there is none.
            let (leg, as_whom) = context
                .dialogs
                .referred(&replaces)
                .ok_or((StatusCode::DECLINE, "The Call To Be Replaced Is None Of Ours"))?;
            return Ok((as_whom.to_owned(), Some(leg)));
        }
        if !self.is_ours_to_call(uri, context) {
            return Err((StatusCode::DECLINE, "Refer-To Is No Address Of Ours"));
        }
        if user.is_empty() {
            return Err((StatusCode::ADDRESS_INCOMPLETE, "Refer-To Names Nobody"));
        }
        Ok((user.into_owned(), None))
    }

    /// Whether a URI is at a host whose people the dial plan knows: one of ours, or the one by which the peer goes in this
    /// call, since a telephone system names its own people by its own host. Users know us by names that only DNS knows, as
    /// they do when they call (RFC 3261 16.5 leaves the domain to us, and we have but one).
    fn is_ours_to_call(&self, uri: &SipUri, context: &Context<'_>) -> bool {
        if matches!(self.peer, Origin::User(_)) && uri.host.ip().is_none() {
            return true;
        }
        let contact = context.names.contact(&self.path.flow());
        let named = [self.dialog.local(), self.dialog.remote()];
        let named = named.into_iter().filter_map(|party| party.uri.as_sip()).map(|uri| &uri.host);
        uri.host == contact.host || named.into_iter().any(|host| *host == uri.host)
    }
}

/// Whether a URI has a control character as `%XX`, which no name has, and which ends a line or a text elsewhere.
fn escapes_control(text: &str) -> bool {
    let escaped = text.split('%').skip(1).filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
    escaped.into_iter().any(|octet| octet.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_seen_wherever_they_stand() {
        for (text, expected) in [
            ("sip:%00@192.0.2.1", true),
            ("sip:carol%0d%0A@192.0.2.1", true),
            ("<sip:carol@192.0.2.1;x=%7f>", true),
            ("<sip:carol@192.0.2.1?Replaces=a%1F>", true),
            ("sip:carol%20%40%25@192.0.2.1", false),
            ("sip:carol@192.0.2.1", false),
            ("sip:100%2500@192.0.2.1", false),
        ] {
            assert_eq!(escapes_control(text), expected, "{text}");
        }
    }
}
