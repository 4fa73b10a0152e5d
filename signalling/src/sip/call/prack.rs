//! Acknowledging the callee's reliable provisional responses: the UAC of RFC 3262 4.

use super::Context;
use super::authorize::Challenged;
use super::path::Path;
use crate::sip::dialog::Dialog;
use crate::sip::message::{CSeq, HeaderName, Method, RAck, Response};
use crate::sip::transaction::TransactionKey;

/// How many may be under way. Chosen by us: a callee sends the next when it has the PRACK of the last, and
/// there is one for each fork.
const UNDER_WAY_MAX: usize = 32;

/// The PRACKs that have no response yet.
#[derive(Debug, Default)]
pub(super) struct Pracks {
    under_way: Vec<(TransactionKey, Challenged)>,
}

/// What came last in an early dialog.
#[derive(Debug, Default)]
pub(super) struct Heard {
    last_rseq: Option<u32>,
}

impl Heard {
    /// Whether a reliable response is the next in its dialog; one that was heard, and one that overtook another,
    /// are dropped (RFC 3262 4).
    pub(super) fn takes(&mut self, rseq: u32) -> bool {
        let is_next = self.last_rseq.is_none_or(|last| last.checked_add(1) == Some(rseq));
        if is_next {
            self.last_rseq = Some(rseq);
        }
        is_next
    }
}

impl Pracks {
    /// Sends the PRACK of a response in this dialog.
    pub(super) fn send(
        &mut self,
        dialog: &mut Dialog,
        path: Path,
        (rseq, invite_cseq): (u32, u32),
        context: &mut Context<'_>,
    ) {
        if self.under_way.len() == UNDER_WAY_MAX {
            return;
        }
        let mut prack = dialog.request(Method::Prack);
        let cseq = CSeq { number: invite_cseq, method: Method::Invite };
        prack.headers.push(HeaderName::RAck, RAck { rseq, cseq }.to_string());
        // The INVITE's own way stays: others may answer it.
        let mut path = path;
        path.toward(dialog.next_hop(), context.names);
        let key = context.send(prack.clone(), path);
        self.under_way.push((key, Challenged::new(prack)));
    }

    /// Takes the response to one: a trunk may want credentials again, with the next number of its dialog, which is one of these.
    /// Whatever else it says concerns nobody: the call goes on or ends by itself.
    pub(super) fn handle_response<'d>(
        &mut self,
        key: TransactionKey,
        response: &Response,
        mut dialogs: impl Iterator<Item = &'d mut Dialog>,
        (trunk, mut path): (Option<&str>, Path),
        context: &mut Context<'_>,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let Some(index) = self.under_way.iter().position(|(sent, _)| *sent == key) else { return };
        let (_, mut prack) = self.under_way.swap_remove(index);
        let to = prack.request.headers.to().ok();
        let tag = to.as_ref().and_then(|to| to.tag()).unwrap_or_default();
        let Some(dialog) = dialogs.find(|dialog| dialog.id().remote_tag == tag) else { return };
        if let Some(again) = prack.authorize(response, trunk, || dialog.next_cseq(), context) {
            path.toward(dialog.next_hop(), context.names);
            let key = context.send(again, path);
            self.under_way.push((key, prack));
        }
    }
}
