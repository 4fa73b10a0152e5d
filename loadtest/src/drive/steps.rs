//! What happens in a call while it is up.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until};

use super::agent::Agent;
use crate::agent::{AgentError, Call};
use crate::scenario::{Doing, Step};
use crate::verdict::{Cut, Excuse, Happened};

/// One end of a call that is up.
#[derive(Debug)]
pub(super) struct End {
    pub(super) agent: Arc<Agent>,
    pub(super) call: Call,
    /// The digits that it pressed so far.
    pub(super) pressed: String,
    /// It sends those back that it hears.
    pub(super) returns_digits: bool,
}

/// How a call's talk ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Talked {
    /// As long as it was to.
    Out,
    /// By a step: whoever is left ends it.
    Vanished,
    /// By a step that handed the other end on.
    Transferred,
}

/// How long digits that are to come back are waited for.
const RETURN_MAX: Duration = Duration::from_secs(2);
/// How long the end of a transfer is waited for.
const TRANSFER_MAX: Duration = Duration::from_secs(10);

/// Goes through the steps, and then waits until the call is so old.
pub(super) async fn talk(
    caller: &mut End,
    mut answerer: Option<&mut End>,
    steps: &[Step],
    length: Duration,
    happened: &mut Happened,
) -> Result<Talked, AgentError> {
    let began_at = Instant::now();
    for step in steps.iter().filter(|step| step.after <= length) {
        sleep_until(began_at + step.after).await;
        let returning = answerer.as_deref().filter(|it| it.returns_digits && !step.by_answerer);
        // What the answerer pressed by itself has come before.
        let returned = returning.map(|answerer| caller.pressed.len() + answerer.pressed.len());
        let end = match &mut answerer {
            Some(answerer) if step.by_answerer => &mut **answerer,
            _ => &mut *caller,
        };
        let from = SystemTime::now();
        // Noted before: a call that ends meanwhile ends this too.
        let over = if matches!(step.doing, Doing::DropWebSocket(_)) {
            happened.cuts.push(Cut { by_answerer: step.by_answerer, from, to: None });
            happened.cuts.last_mut().map(|it| &mut it.to)
        } else {
            happened.excuses.push(Excuse { from, to: None });
            happened.excuses.last_mut().map(|it| &mut it.to)
        };
        let talked = take(end, &step.doing, returned).await?;
        if let Some(over) = over {
            *over = Some(SystemTime::now());
        }
        if let Some(talked) = talked {
            return Ok(talked);
        }
    }
    sleep_until(began_at + length).await;
    Ok(Talked::Out)
}

/// `returned` are the digits that came so far where those that are pressed come back.
async fn take(end: &mut End, doing: &Doing, returned: Option<usize>) -> Result<Option<Talked>, AgentError> {
    match doing {
        Doing::Digits(digits) => {
            end.pressed.push_str(digits);
            end.call.send_digits(digits).await?;
            if let Some(before) = returned {
                // What does not come back is told by what was heard.
                let _ = end.call.heard_digits(before + digits.len(), RETURN_MAX).await;
            }
        }
        Doing::Hold(time) => {
            end.call.hold().await?;
            tokio::time::sleep(*time).await;
            end.call.resume().await?;
        }
        Doing::Refresh => end.call.resume().await?,
        Doing::Move => {
            end.call.lose_network(end.agent.media_ip())?;
            if end.agent.has_ice() {
                end.call.restart_ice().await?;
                Agent::connected(&end.call).await?;
            } else {
                end.call.resume().await?;
            }
        }
        Doing::Transfer(to) => {
            end.call.transfer(to).await?;
            // The target says how it goes, and hangs up on us; not all do.
            let _ = end.call.ended(TRANSFER_MAX).await;
            return Ok(Some(Talked::Transferred));
        }
        Doing::Vanish => return Ok(Some(Talked::Vanished)),
        Doing::DropWebSocket(away) => end.agent.drop_websocket(&end.call, *away).await?,
    }
    Ok(None)
}
