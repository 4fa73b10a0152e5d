//! A 2xx that nobody waits for any more: it crossed our CANCEL, or came from another fork.

use std::time::Instant;

use webtrunk_engine::{EndCause, LegId};

use super::authorize::copy_credentials;
use super::cause::reason_of;
use crate::sip::agent::LocalNames;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Method, Response};
use crate::sip::transaction::{Stray, TransactionKey, TransactionLayer};

/// Acknowledges the 2xx of an INVITE and ends the dialog that it made at once (RFC 3261 13.2.2.4), once. The 2xx of a
/// re-INVITE is only acknowledged: its dialog has an owner, or its BYE is under way.
pub(in crate::sip) fn refuse_answer(
    of: TransactionKey,
    response: &Response,
    flow: Flow,
    layer: &mut TransactionLayer<LegId>,
    names: &dyn LocalNames,
    now: Instant,
) {
    let Some(invite) = layer.invite(of).cloned() else { return };
    let Ok(mut dialog) = Dialog::uac(&invite, response) else { return };
    let Ok(cseq) = invite.headers.cseq() else { return };
    let stray = layer.note_stray(of, &dialog.id().remote_tag);
    if stray == Stray::Ignored {
        return;
    }
    let mut ack = dialog.ack(cseq.number);
    copy_credentials(&invite, &mut ack);
    layer.send_ack(ack, flow, names.sent_by(&flow));
    let is_in_dialog = invite.headers.to().is_ok_and(|to| to.tag().is_some());
    if is_in_dialog || stray == Stray::Again {
        return;
    }
    let mut bye = dialog.request(Method::Bye);
    bye.headers.push(HeaderName::Reason, reason_of(EndCause::Cancelled));
    layer.send_request(bye, flow, names.sent_by(&flow), None, now);
}
