//! Calls that are made because somebody asked: each is a call like others, with nobody at its begin.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::error;
use webtrunk_engine::EndCause;

use super::{House, MAILBOX, Switchboard};
use crate::adapter::Origin;
use crate::origination::Origination;
use crate::routing::{Bridge, BridgeTarget, Callee, Decision, Plan, Query, Step};

/// Calls that may wait to be begun. Chosen by us: whoever asks for more at a time is told that there is no room.
const WAITING: usize = 64;

/// How long the phones of who asked may ring. Chosen by us: whoever has clicked is near one.
const OWN_PHONES: Duration = Duration::from_secs(60);

/// The name that stands for a rule where they are called.
const OWN_PHONES_RULE: &str = "own phones";

/// Where calls are asked for; cheap to clone.
#[derive(Debug, Clone)]
pub struct Originator(mpsc::Sender<Asked>);

/// What is asked for, to be served by the switchboard.
#[derive(Debug)]
pub struct Originations(mpsc::Receiver<Asked>);

/// A call that is asked for, and who is told whether it began.
#[derive(Debug)]
struct Asked {
    origination: Box<Origination>,
    begun: Begun,
}

/// Who is told whether a call began, and why not.
pub(super) type Begun = oneshot::Sender<Result<(), EndCause>>;

impl Originator {
    /// The way in, and what comes by it.
    #[must_use]
    pub fn channel() -> (Self, Originations) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Originations(receiver))
    }

    /// Has a call made. Returns when the first party is about to be called.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn originate(&self, origination: Origination) -> Result<(), EndCause> {
        let (begun, has_begun) = oneshot::channel();
        let asked = Asked { origination: Box::new(origination), begun };
        self.0.try_send(asked).map_err(|_| EndCause::Overloaded)?;
        has_begun.await.unwrap_or(Err(EndCause::InternalError))
    }
}

impl Switchboard {
    /// Makes the calls that are asked for until `stopping` says so: then they are hung up, and this returns when they are gone.
    pub async fn serve_originations(
        self: Arc<Self>,
        Originations(mut asked): Originations,
        mut stopping: watch::Receiver<bool>,
    ) {
        let mut calls = JoinSet::new();
        let mut is_stopping = false;
        while !(is_stopping && calls.is_empty()) {
            tokio::select! {
                Some(Asked { origination, begun }) = asked.recv() => {
                    let mailbox = mpsc::channel(MAILBOX);
                    self.legs.add(origination.leg, mailbox.0.clone());
                    calls.spawn(Arc::clone(&self).run_origination(origination, begun, mailbox, stopping.clone()));
                }
                Some(ended) = calls.join_next(), if !calls.is_empty() => {
                    if let Err(error) = ended {
                        error!(%error, "a panic ended a call");
                    }
                }
                _ = stopping.changed(), if !is_stopping => is_stopping = true,
            }
        }
    }
}

/// How the first party is called: by its own phones and pages where it is who the call is made for, which needs no rule for
/// them; else as the dial plan says, as in the call's further course by who calls whom alone.
pub(super) fn decide(origination: &Origination, house: &House) -> Decision {
    let Origination { origin, first, shown_to_first, .. } = origination;
    let own = match origin {
        Origin::User(user) if user == first => Some(BridgeTarget::User(user.clone())),
        _ => None,
    };
    if let Some(target) = own.filter(|target| !house.directory.places(target).is_empty()) {
        let bridge = Bridge::new(vec![Callee { target, ring_timeout: OWN_PHONES }]);
        return Decision::Run(Plan { rule: OWN_PHONES_RULE.into(), steps: vec![Step::Bridge(bridge)] });
    }
    let (at, dice) = (SystemTime::now(), rand::random());
    house.route(&Query { at, dice, ..Query::new(origin, shown_to_first, first) })
}
