//! A 2xx that nobody waits for any more: it crossed our CANCEL, or came from another fork.

use webtrunk_engine::{EndCause, LegId};

use super::authorize::copy_credentials;
use super::cause::reason_of;
use crate::sip::agent::LocalNames;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Method, Request, Response};
use crate::sip::transaction::TransactionLayer;

use std::time::Instant;

/// Acknowledges the 2xx and ends the dialog that it made at once (RFC 3261 13.2.2.4). The 2xx of a
/// re-INVITE is only acknowledged: its dialog has an owner, or its BYE is under way.
pub(in crate::sip) fn refuse_answer(
    invite: &Request,
    response: &Response,
    flow: Flow,
    layer: &mut TransactionLayer<LegId>,
    names: &dyn LocalNames,
    now: Instant,
) {
    let Ok(mut dialog) = Dialog::uac(invite, response) else { return };
    let Ok(cseq) = invite.headers.cseq() else { return };
    let mut ack = dialog.ack(cseq.number);
    copy_credentials(invite, &mut ack);
    layer.send_ack(ack, flow, names.sent_by(&flow));
    if invite.headers.to().is_ok_and(|to| to.tag().is_some()) {
        return;
    }
    let mut bye = dialog.request(Method::Bye);
    bye.headers.push(HeaderName::Reason, reason_of(EndCause::Cancelled));
    layer.send_request(bye, flow, names.sent_by(&flow), None, now);
}
