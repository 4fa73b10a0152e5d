//! The calls of a load: dialled at a steady rate, matched with the phone's end, held together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::rtpengine::{NgClient, RelayedCall};
use super::{LoadConfig, Stopped};
use crate::agent::{
    AgentError, Call, Heard, Media, PTIME, Phone, Sent, SrtpProfile, WebrtcCaller, WebrtcConfig,
};

/// One end of a call, after its end.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) heard: Heard,
    pub(super) sent: Sent,
}

/// One call that was set up, after its end.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) invited_at: SystemTime,
    pub(super) answered_at: Option<SystemTime>,
    pub(super) srtp: Option<SrtpProfile>,
    pub(super) caller: End,
    pub(super) phone: Option<End>,
}

/// A caller who is ready to dial.
#[derive(Debug)]
pub(super) enum Caller {
    Sip(Box<WebrtcCaller>),
    Relayed(NgClient, Box<WebrtcConfig>),
}

/// A call that is up.
#[derive(Debug)]
pub(super) enum Running {
    /// Its connection lives as long as it.
    Sip {
        destination: String,
        call: Call,
        _caller: Box<WebrtcCaller>,
    },
    Relayed(Box<RelayedCall>),
}

/// The calls that the phone has taken, by the number dialled.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken(Arc<Mutex<HashMap<String, Call>>>);

/// How long one set-up may take.
const SETUP_MAX: Duration = Duration::from_secs(30);
/// How long a call may take to be over at both ends.
const END_MAX: Duration = Duration::from_secs(35);
/// Callers that connect at one time.
const CONNECTING_MAX: usize = 20;

/// Connects all callers, a few at a time, unless it is stopped; whoever fails is missing, with the reason.
pub(super) async fn connect(
    config: &LoadConfig,
    stopped: &Stopped,
    mut on_progress: impl FnMut(usize),
) -> Vec<Result<Caller, AgentError>> {
    let mut waiting = 0..config.calls;
    let (mut connecting, mut connected) = (JoinSet::new(), Vec::new());
    loop {
        while connecting.len() < CONNECTING_MAX
            && !stopped.is_now()
            && let Some(index) = waiting.next()
        {
            let (caller, registers, rtpengine) = (config.caller(index), config.registers, config.rtpengine);
            connecting.spawn(async move {
                if let Some(server) = rtpengine {
                    return Ok(Caller::Relayed(NgClient::new(server).await?, Box::new(caller)));
                }
                let caller = WebrtcCaller::new(caller).await?;
                if registers {
                    caller.register().await?;
                }
                Ok(Caller::Sip(Box::new(caller)))
            });
        }
        let Some(done) = connecting.join_next().await else { return connected };
        connected.push(done.unwrap_or(Err(AgentError::Gone)));
        on_progress(connected.len());
    }
}

/// Dials all calls at the rate wished, and waits until each is up or has failed. Where it is stopped, whoever was not
/// answered yet gives up, and is left out.
pub(super) async fn dial(
    config: &LoadConfig,
    callers: Vec<Result<Caller, AgentError>>,
    stopped: &Stopped,
    mut on_progress: impl FnMut(usize),
) -> Vec<Result<Running, AgentError>> {
    let began_at = Instant::now();
    let mut dialling = JoinSet::new();
    for (index, caller) in callers.into_iter().enumerate() {
        let at = began_at + Duration::from_secs_f64(index as f64 / config.rate) + phase_of(index);
        let (destination, phone) = (config.destination_of(index), config.phone.clone());
        let phone_uplink = config.losses.of_phone(index);
        let mut stopped = stopped.clone();
        dialling.spawn(async move {
            let caller = match caller {
                Ok(caller) => caller,
                Err(error) => return Some(Err(error)),
            };
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = stopped.comes() => return None,
            }
            match caller {
                Caller::Sip(caller) => tokio::select! {
                    settled = dial_by_sip(caller, destination) => Some(settled),
                    () = stopped.comes() => None,
                },
                Caller::Relayed(client, caller) => {
                    let (phone, stopped) = (phone.unwrap_or_default(), &mut stopped);
                    let dial = RelayedCall::dial(client, &caller, &phone, phone_uplink, SETUP_MAX, stopped);
                    dial.await.map(|call| call.map(|it| Running::Relayed(Box::new(it)))).transpose()
                }
            }
        });
    }
    let mut settled = Vec::new();
    while let Some(done) = dialling.join_next().await {
        settled.extend(done.unwrap_or(Some(Err(AgentError::Gone))));
        on_progress(settled.len());
    }
    settled
}

async fn dial_by_sip(caller: Box<WebrtcCaller>, destination: String) -> Result<Running, AgentError> {
    let call = caller.dial(&destination).await?.answered(SETUP_MAX).await?;
    call.media_ready(SETUP_MAX).await?;
    call.heard_packets(1, SETUP_MAX).await?;
    Ok(Running::Sip { destination, call, _caller: caller })
}

/// A part of a packet's time, spread evenly over the calls by the golden ratio: callers in the world do not
/// all send in the same instant, whatever the rate at which they begin.
fn phase_of(index: usize) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    PTIME.mul_f64((index as f64 * GOLDEN).fract())
}

/// Answers every call at the phone, until the receiver of this is dropped.
pub(super) fn answer(config: LoadConfig, phone: Phone) -> (Taken, mpsc::Sender<()>) {
    let taken = Taken::default();
    let (stop, mut stopped) = mpsc::channel(1);
    let shelf = taken.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                incoming = phone.next_incoming() => {
                    let incoming = match incoming {
                        Ok(incoming) => incoming,
                        Err(AgentError::Gone) => return,
                        Err(error) => {
                            tracing::warn!(%error, "the phone could not take a call");
                            continue;
                        }
                    };
                    let number = incoming.to.clone();
                    if let Some(call) = config.call_of(&number) {
                        incoming.send_over(config.losses.of_phone(call));
                    }
                    match incoming.answer().await {
                        Ok(call) => drop(shelf.0.lock().await.insert(number, call)),
                        Err(error) => tracing::warn!(number, %error, "the phone could not answer"),
                    }
                }
                _ = stopped.recv() => return,
            }
        }
    });
    (taken, stop)
}

impl Running {
    /// Hangs up, and collects what both ends heard.
    pub(super) async fn finish(self, taken: &Taken) -> Result<Record, AgentError> {
        let (destination, call) = match self {
            Self::Sip { destination, call, .. } => (destination, call),
            Self::Relayed(call) => return call.finish().await,
        };
        let phone = taken.0.lock().await.remove(&destination);
        call.hang_up().await?;
        if let Some(phone) = &phone {
            phone.ended(END_MAX).await?;
        }
        Ok(Record {
            invited_at: call.invited_at().ok_or(AgentError::Gone)?,
            answered_at: call.answered_at(),
            srtp: call.srtp_profile(),
            caller: End::of(&call).await?,
            phone: match &phone {
                Some(phone) => Some(End::of(phone).await?),
                None => None,
            },
        })
    }
}

impl End {
    async fn of(call: &Call) -> Result<Self, AgentError> {
        Ok(Self { heard: call.heard().await?, sent: call.sent().await? })
    }

    pub(super) async fn of_media(media: &Media) -> Result<Self, AgentError> {
        Ok(Self { heard: media.heard().await?, sent: media.sent().await? })
    }
}
