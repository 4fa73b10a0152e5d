//! The engine: its shards, and the door through which calls come in.

mod sockets;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use actix::{Actor, Addr};
use actix_rt::Arbiter;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{debug, info};

use crate::call::{CallEvent, CallHandle, Supplies};
use crate::config::EngineConfig;
use crate::dtls::DtlsCertificate;
use crate::media::{Recorder, WallClock};
use crate::net::{
    AdoptStream, CreateCall, FrameCutter, GREETING_MAX, Gauges, Ledger, Newcomer, Permit, PortPool, Pulse,
    ShardActor, VitalSigns,
};
use crate::placement::place;

pub use sockets::BoundAddress;

/// The media engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Vec<Shard>,
    calls_max: AtomicUsize,
    is_draining: AtomicBool,
    recorder: Option<Recorder>,
    gone: watch::Sender<Option<ShardGone>>,
}

struct Shard {
    actor: Addr<ShardActor>,
    /// Where browsers find it; 0 before the first address has come.
    webrtc_port: AtomicU16,
    gauges: Arc<Gauges>,
    arbiter: Arbiter,
}

/// The engine did not start; nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A WebRTC address cannot be bound.
    #[error("cannot bind WebRTC address {address}: {source}")]
    Bind {
        /// Address and port.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make the DTLS certificate: {0}")]
    Certificate(#[from] crate::dtls::CertificateError),
    /// The folder for recordings cannot be used.
    #[error("cannot record to {}: {source}", .folder.display())]
    Recordings {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The RTP ports leave a shard without a pair.
    #[error("RTP ports {min}-{max} are too few for {shards} shards")]
    TooFewPorts {
        /// First port.
        min: u16,
        /// Last port.
        max: u16,
        /// Shards that need some.
        shards: usize,
    },
}

/// A media shard has ended: its thread, its actor or one of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("media shard {shard} is gone")]
pub struct ShardGone {
    /// Which, from 0.
    pub shard: usize,
}

/// The engine takes no call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many calls as the configuration allows.
    #[error("the engine has as many calls as it may have")]
    Full,
    /// Every shard is late as it is.
    #[error("the media threads are late")]
    Late,
    /// The engine is going down.
    #[error("the engine is going down")]
    Draining,
}

impl Engine {
    /// Starts the shards, each on a thread of its own; needs a running actix system.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: EngineConfig) -> Result<Self, StartError> {
        let certificate = Arc::new(DtlsCertificate::generate()?);
        let clock = WallClock::new(Instant::now(), SystemTime::now());
        let calls_max = AtomicUsize::new(config.calls_max);
        let pools = split_ports(&config)?;
        // All that can fail comes before the first thread.
        let sockets: Result<Vec<_>, _> =
            (0..pools.len()).map(|shard| sockets::bind_webrtc(&config, shard)).collect();
        let sockets = sockets?;
        let recorder = config.recordings.clone().map(start_recorder).transpose()?;
        let supplies = Arc::new(Supplies { config, certificate, clock });
        let mut shards = Vec::with_capacity(pools.len());
        let (gone, _) = watch::channel(None);
        for (shard, (ports, sockets)) in pools.into_iter().zip(sockets).enumerate() {
            let gauges = Arc::new(Gauges::default());
            let webrtc_port = sockets::webrtc_port(&supplies.config, shard, &sockets);
            let arbiter = Arbiter::new();
            let (supplies, shard_gauges) = (Arc::clone(&supplies), Arc::clone(&gauges));
            let shard_recorder = recorder.clone();
            let pulse = Pulse::new(ShardGone { shard }, gone.clone());
            let actor = ShardActor::start_in_arbiter(&arbiter.handle(), move |_| {
                ShardActor::new(supplies, ports, shard_gauges, sockets, shard_recorder, pulse)
            });
            shards.push(Shard { actor, webrtc_port: webrtc_port.into(), gauges, arbiter });
        }
        info!(shards = shards.len(), "media engine started");
        let is_draining = AtomicBool::new(false);
        Ok(Self { inner: Arc::new(Inner { shards, calls_max, is_draining, recorder, gone }) })
    }

    /// Makes a call; what it tells goes to `events`, in boxes, for a channel keeps room for 32 from the begin, of every
    /// call. It is made on the fullest shard that has room, but where its parties are to meet others in a `room`, on the
    /// shard that every call for that room is made on.
    ///
    /// # Errors
    /// [`Refused`] when the engine takes none.
    pub async fn create_call(
        &self,
        events: mpsc::Sender<Box<CallEvent>>,
        room: Option<Arc<str>>,
    ) -> Result<CallHandle, Refused> {
        if self.inner.is_draining.load(Ordering::Relaxed) {
            return Err(Refused::Draining);
        }
        if self.ledger().calls >= self.inner.calls_max.load(Ordering::Relaxed) {
            return Err(Refused::Full);
        }
        let shard = match &room {
            Some(room) => self.shard_of(room),
            None => {
                let alive = self.inner.shards.iter().filter(|shard| shard.actor.connected());
                place(alive.map(|shard| (shard, shard.gauges.standing())))
            }
        };
        let shard = shard.ok_or(Refused::Draining)?;
        shard.actor.send(CreateCall { events, room }).await.map_err(|_| Refused::Draining)
    }

    /// Whether there is room for one more call, and time for it: a shard that is late has none.
    ///
    /// # Errors
    /// [`Refused`], and why.
    pub fn has_room(&self) -> Result<(), Refused> {
        if self.inner.is_draining.load(Ordering::Relaxed) {
            return Err(Refused::Draining);
        }
        if self.ledger().calls >= self.inner.calls_max.load(Ordering::Relaxed) {
            return Err(Refused::Full);
        }
        if self.inner.shards.iter().all(|shard| shard.gauges.is_late()) {
            return Err(Refused::Late);
        }
        Ok(())
    }

    /// Takes so many calls at one time from now on; those that are there go on.
    pub fn limit_calls(&self, calls_max: usize) {
        self.inner.calls_max.store(calls_max, Ordering::Relaxed);
    }

    /// The shard of a room: its name alone decides, so that nobody has to keep a list (docs/decisions/0012).
    fn shard_of(&self, room: &str) -> Option<&Shard> {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        let shards = &self.inner.shards;
        let index = hasher.finish() % u64::try_from(shards.len()).ok()?.max(1);
        shards.get(usize::try_from(index).ok()?)
    }

    /// Takes a TCP stream at whose other end is a browser that checks by ICE-TCP (RFC 6544): its first frame
    /// says which leg it is for. Returns when a leg has the stream or it was closed, after 10 s at most.
    /// `permit` is dropped when the peer has authenticated itself, or with the stream.
    pub async fn take_stream(&self, stream: std::net::TcpStream, permit: Permit) {
        let Ok(Some(mut newcomer)) = timeout(GREETING_MAX, greet(stream, permit)).await else { return };
        for shard in &self.inner.shards {
            match shard.actor.send(AdoptStream { newcomer }).await {
                Ok(Err(back)) => newcomer = back,
                Ok(Ok(())) | Err(_) => return,
            }
        }
        debug!(from = %newcomer.from, "media stream is for no leg");
    }

    /// What the engine holds now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for shard in &self.inner.shards {
            shard.gauges.add_to(&mut ledger);
        }
        if let Some(recorder) = &self.inner.recorder {
            ledger.recordings_refused = recorder.refused();
            ledger.recorded_packets_missed = recorder.packets_missed();
        }
        ledger
    }

    /// Whether each shard lives, in their order.
    #[must_use]
    pub fn vital_signs(&self) -> Vec<VitalSigns> {
        self.inner.shards.iter().map(|shard| shard.gauges.vital_signs()).collect()
    }

    /// Returns when a shard has ended: by [`Self::stop`], or else because a promise of ours is broken. Its
    /// calls are lost then, and are told so by the end of their events; what is left of them in signalling
    /// cannot be served by another shard.
    pub async fn ended(&self) -> ShardGone {
        let mut gone = self.inner.gone.subscribe();
        // The sender is ours: it cannot be away.
        let told = gone.wait_for(Option::is_some).await.ok().and_then(|gone| *gone);
        told.expect("it waited for one")
    }

    /// Takes no more calls, ends the recordings, and the media threads with what is left on them.
    pub fn stop(&self) {
        self.inner.is_draining.store(true, Ordering::Relaxed);
        self.inner.recorder.iter().for_each(Recorder::drain);
        for shard in &self.inner.shards {
            shard.arbiter.stop();
        }
    }
}

fn start_recorder(folder: PathBuf) -> Result<Recorder, StartError> {
    Recorder::start(folder.clone()).map_err(|source| StartError::Recordings { folder, source })
}

/// Reads the first frame; `None` where there is none.
async fn greet(stream: std::net::TcpStream, permit: Permit) -> Option<Box<Newcomer>> {
    let stream = TcpStream::from_std(stream).ok()?;
    let from = stream.peer_addr().ok()?;
    stream.set_nodelay(true).ok()?;
    let mut cutter = FrameCutter::default();
    let first = loop {
        stream.readable().await.ok()?;
        match stream.try_read(cutter.room()) {
            Ok(0) => return None,
            Ok(count) => cutter.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return None,
        }
        if let Some(frame) = cutter.next_frame().ok()? {
            break frame.to_vec();
        }
    };
    let rest = cutter.rest().to_vec();
    Some(Box::new(Newcomer { stream: stream.into_std().ok()?, from, first, rest, permit }))
}

/// Every shard gets an equal share of the RTP ports.
fn split_ports(config: &EngineConfig) -> Result<Vec<PortPool>, StartError> {
    let (min, max, shards) = (config.rtp_port_min, config.rtp_port_max, config.shards.max(1));
    let share = (usize::from(max).saturating_sub(usize::from(min)) + 1) / shards;
    let share = u16::try_from(share & !1).unwrap_or(u16::MAX - 1);
    if share < 2 {
        return Err(StartError::TooFewPorts { min, max, shards });
    }
    let firsts = (0..shards).map(|index| min + u16::try_from(index).unwrap_or(0) * share);
    Ok(firsts.map(|first| PortPool::new(first, first + (share - 1))).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::EndCause;
    use crate::net::BreakPromise;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn start() -> Engine {
        let config = EngineConfig {
            shards: 2,
            webrtc_addresses: vec!["127.0.0.1".parse().expect("an address")],
            webrtc_port: 0,
            ..EngineConfig::default()
        };
        Engine::start(config).expect("free ports")
    }

    #[test]
    fn a_shard_whose_thread_ends_is_noticed_and_its_call_hears_of_it() {
        actix::System::new().block_on(async {
            let engine = start();
            assert!(timeout(Duration::from_millis(50), engine.ended()).await.is_err(), "both live");
            let (told, mut events) = mpsc::channel(16);
            let _call = engine.create_call(told, None).await.expect("there is room");
            // Not always the first: on a loaded machine its thread may be too busy with its start for a call.
            let shards = &engine.inner.shards;
            let shard =
                shards.iter().position(|shard| shard.gauges.standing().calls == 1).expect("it is on one");
            shards[shard].arbiter.stop();
            assert_eq!(timeout(PATIENCE, engine.ended()).await, Ok(ShardGone { shard }));
            let told = timeout(PATIENCE, events.recv()).await.map(|told| told.map(|event| *event));
            let cause = EndCause::InternalError;
            assert!(
                matches!(&told, Ok(Some(CallEvent::Ended { cause: told })) if *told == cause),
                "{told:?}"
            );
            engine.stop();
        });
    }

    #[test]
    fn a_shard_whose_actor_breaks_is_noticed() {
        actix::System::new().block_on(async {
            let engine = start();
            engine.inner.shards[1].actor.do_send(BreakPromise);
            assert_eq!(timeout(PATIENCE, engine.ended()).await, Ok(ShardGone { shard: 1 }));
            engine.stop();
        });
    }
}
