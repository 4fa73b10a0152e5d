//! One call: both directions, and what they say together.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::direction::listen;
use super::{Cut, CutVerdict, DigitTrip, DirectionVerdict, Finding, FindingKind, Lateness, Limits};
use crate::agent::{Heard, Sent, Voice};
use crate::hear::Hum;

/// One end of a call.
#[derive(Debug, Clone)]
pub struct Side<'s> {
    /// What it heard.
    pub heard: &'s Heard,
    /// What it sent.
    pub sent: &'s Sent,
    /// What it says.
    pub said: Said,
    /// The digits that it pressed.
    pub pressed: String,
    /// The digits that it was told by signalling, as browsers and pages are.
    pub told: String,
    /// When the answer came to it or was given.
    pub answered_at: Option<SystemTime>,
}

/// What one end of a call says.
#[derive(Debug, Clone)]
pub enum Said {
    /// Its hum, which tells who says it, and when.
    Hum(Hum),
    /// Speech, which tells how good it sounds. Both ends of a call say the same.
    Speech(Voice),
}

/// A time in which silence was wanted: somebody was on hold, or pressed digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excuse {
    /// When it began.
    pub from: SystemTime,
    /// When it was over, and what follows from it; `None` where the talk ended in it.
    pub to: Option<SystemTime>,
}

/// What was done in a call, and explains what is found in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Happened {
    /// Times of wanted silence, in their order.
    pub excuses: Vec<Excuse>,
    /// WebSockets that were cut, in their order. They explain no silence: media do not come by them.
    pub cuts: Vec<Cut>,
    /// When the talk was over, and both ends still listened; `None` where it did not come to its end.
    pub talked_until: Option<SystemTime>,
}

/// What was found in one call that was answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallVerdict {
    /// From who answers to who calls.
    pub to_caller: DirectionVerdict,
    /// From who calls to who answers; `None` where the target itself answers.
    pub to_answerer: Option<DirectionVerdict>,
    /// What is wrong with the call as a whole.
    pub findings: Vec<Finding>,
    /// What became of the call where its WebSockets were cut.
    pub cuts: Vec<CutVerdict>,
    /// The latest packet of its own that the load tester sent in this call, in milliseconds.
    pub own_lateness_ms: f64,
}

/// Later than this by itself, the load tester may have caused what it finds.
const OWN_MAX: Duration = Duration::from_millis(40);
/// What comes out of a hold comes so much later: signalling and jitter buffers.
const EXCUSED_AROUND: Duration = Duration::from_millis(600);

impl Side<'_> {
    /// The digits that came to it: in its media, or by signalling where none came there.
    pub(super) fn digits(&self) -> String {
        let heard = self.heard.digits_text();
        if heard.is_empty() { self.told.clone() } else { heard }
    }
}

impl Excuse {
    /// Until when it explains silence, where all is late by `delay`; `None` where it does to the end.
    pub(super) fn holds_until(&self, delay: Duration) -> Option<SystemTime> {
        self.to.map(|to| to + EXCUSED_AROUND + delay)
    }

    /// Whether it explains that what is said then is not heard.
    fn holds_at(&self, at: SystemTime) -> bool {
        self.from <= at && self.holds_until(Duration::ZERO).is_none_or(|until| at < until)
    }
}

impl Happened {
    /// Whether what is said then is to be heard.
    pub(super) fn is_heard_at(&self, at: SystemTime) -> bool {
        !self.excuses.iter().any(|it| it.holds_at(at))
    }

    /// Whether a WebSocket was cut, and its call was not there when it was made anew.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.cuts.iter().any(|cut| cut.to.is_none())
    }
}

impl CallVerdict {
    /// Listens to both ends. Takes the processor for some milliseconds.
    #[must_use]
    pub fn of(
        caller: &Side<'_>,
        answerer: Option<&Side<'_>>,
        limits: &Limits,
        happened: &Happened,
        lateness: &mut Lateness,
    ) -> Self {
        let mut own = lateness.note(caller.sent);
        // Without an answerer an echo is what is hoped for.
        let (mut to_caller, caller_holes) = listen(answerer.unwrap_or(caller), caller, limits, happened);
        let listened = answerer.map(|answerer| {
            own = own.max(lateness.note(answerer.sent));
            listen(caller, answerer, limits, happened)
        });
        let (mut to_answerer, answerer_holes) = listened.unzip();
        if to_answerer.is_none() {
            let trips = std::mem::take(&mut to_caller.digit_trips);
            to_caller.digit_trips = trips.into_iter().map(DigitTrip::echoed).collect();
        }
        let cuts = happened.cuts.iter().map(|cut| cut.verdict(&caller_holes, answerer_holes.as_deref()));
        let cuts = cuts.collect();
        let mut findings = Vec::new();
        let mut find = |kind, detail: &str| {
            findings.push(Finding { kind, detail: detail.to_owned(), is_own: false });
        };
        let is_silent =
            |it: &DirectionVerdict| it.findings.iter().any(|found| found.kind == FindingKind::Silent);
        match &to_answerer {
            None if is_silent(&to_caller) => find(FindingKind::NoMedia, "nothing is heard"),
            Some(other) if is_silent(&to_caller) && is_silent(other) => {
                find(FindingKind::NoMedia, "nothing is heard at either end");
            }
            Some(_) if is_silent(&to_caller) => find(FindingKind::OneWay, "the caller hears nothing"),
            Some(other) if is_silent(other) => find(FindingKind::OneWay, "who answers hears nothing"),
            _ => {}
        }
        if own > OWN_MAX {
            for direction in [Some(&mut to_caller), to_answerer.as_mut()].into_iter().flatten() {
                for found in &mut direction.findings {
                    found.is_own = found.kind.may_be_own();
                }
            }
        }
        Self { to_caller, to_answerer, findings, cuts, own_lateness_ms: own.as_secs_f64() * 1000.0 }
    }

    /// All that is wrong, and that the load tester did not cause itself.
    pub fn faults(&self) -> impl Iterator<Item = &Finding> {
        let directions = [Some(&self.to_caller), self.to_answerer.as_ref()].into_iter().flatten();
        self.findings.iter().chain(directions.flat_map(|it| &it.findings)).filter(|found| !found.is_own)
    }

    /// The kinds of them, each once.
    #[must_use]
    pub fn fault_kinds(&self) -> Vec<FindingKind> {
        let mut kinds: Vec<_> = self.faults().map(|found| found.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}
