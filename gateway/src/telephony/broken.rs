//! A fault of ours in one call of several, all of them real: sockets, phones, media and records.

mod restarted;

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::media::Prompt;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_loadtest::agent::{AgentError, Call, Phone, PhoneConfig, Voice};
use webtrunk_signalling::adapter::{MediaProfile, Origin};
use webtrunk_signalling::auth::digest::{Algorithm, Ha1};
use webtrunk_signalling::b2bua::{Directory, Place, Redirects};
use webtrunk_signalling::http::Gate;
use webtrunk_signalling::routing::BridgeTarget;
use webtrunk_signalling::switchboard::House;

use super::Telephony;
use crate::certificates::Certificates;
use crate::config::{Config, DEFAULT_REALM};
use crate::descriptors::Shares;
use crate::http::{BoundHttp, Services};
use crate::store::{CallReader, Period, Store, StorePlace};

const PATIENCE: Duration = Duration::from_secs(20);

/// Alice's, who comes by pages.
const PASSWORD: &str = "wonderland";

/// The gateway's directory, which breaks a promise when somebody wants a transfer.
struct BrokenDirectory(Arc<dyn Directory + Send + Sync>);

impl Directory for BrokenDirectory {
    fn may_transfer(&self, _: &Origin) -> bool {
        panic!("a promise of ours is broken")
    }

    fn places(&self, target: &BridgeTarget) -> Vec<Place> {
        self.0.places(target)
    }

    fn knows(&self, user: &str) -> bool {
        self.0.knows(user)
    }

    fn caller_codecs(&self, origin: &Origin, profile: MediaProfile) -> Vec<CodecId> {
        self.0.caller_codecs(origin, profile)
    }

    fn caller_srtp(&self, origin: &Origin) -> SrtpPolicy {
        self.0.caller_srtp(origin)
    }

    fn caller_keys(&self, origin: &Origin) -> KeyMode {
        self.0.caller_keys(origin)
    }

    fn number_of(&self, user: &str) -> Option<String> {
        self.0.number_of(user)
    }

    fn counted_with(&self, user: &str) -> Option<String> {
        self.0.counted_with(user)
    }

    fn calls_max(&self, user: &str) -> Option<usize> {
        self.0.calls_max(user)
    }

    fn may_pick_up(&self, who: &Origin, of: &Origin) -> bool {
        self.0.may_pick_up(who, of)
    }

    fn redirects(&self, origin: &Origin) -> Redirects {
        self.0.redirects(origin)
    }

    fn makes_late_offers(&self, callee: &Origin) -> bool {
        self.0.makes_late_offers(callee)
    }

    fn may_text(&self, party: &Origin) -> bool {
        self.0.may_text(party)
    }

    fn prompt(&self, name: &str) -> Option<Prompt> {
        self.0.prompt(name)
    }

    fn media_address(&self, peer: Option<IpAddr>) -> IpAddr {
        self.0.media_address(peer)
    }
}

/// An address at which nobody listens.
fn free(ip: &str) -> SocketAddr {
    let socket = UdpSocket::bind((ip, 0)).expect("loopback is ours");
    socket.local_addr().expect("it is bound")
}

/// Phones at two trunks, of which the first may call the other, also while the machine does so much else that media is late.
fn config(folder: &TempDir, [office, carrier]: [SocketAddr; 2]) -> Config {
    let path = folder.path().join("w.db");
    let trunk = |name: &str, at: SocketAddr| {
        let (ip, port) = (at.ip(), at.port());
        format!(
            "[[trunks]]\nname = '{name}'\nhost = '{ip}'\nport = {port}\ntransport = 'udp'\nnetworks = ['{ip}']\n\
             codecs = ['PCMU']\ntransfers = true\n"
        )
    };
    let text = format!(
        "[sip]\n[[sip.listeners]]\ntransport = 'udp'\nbind = '127.0.0.1:0'\n[defence]\nrefuse_when_late = false\n\
         [media]\naddresses = ['127.0.0.1']\nshards = 1\nwebrtc_port = 0\nrtp_address = '127.0.0.1'\n\
         [http]\nbind = '127.0.0.1:0'\n[json]\npasswords = true\n\
         [[users]]\nname = 'alice'\nha1_sha256 = '{}'\n\
         [store]\npath = {path:?}\n[cdr]\n{}{}\
         [[rules]]\nname = 'out'\ndestination = '9\\d+'\nfrom_trunk = 'office'\n\
         actions = [{{ bridge = {{ trunk = 'carrier', number = '$0' }} }}]\n\
         [[rules]]\nname = 'echo'\ndestination = 'echo'\nfrom_user = 'alice'\nactions = ['answer', 'echo']\n",
        Ha1::new(Algorithm::Sha256, "alice", DEFAULT_REALM, PASSWORD).as_hex(),
        trunk("office", office),
        trunk("carrier", carrier),
    );
    Config::parse("w.toml", &text).expect("sound")
}

async fn phone(bind: SocketAddr, server: Option<SocketAddr>) -> Phone {
    let voice = Some(Voice::tone(440, -10.0));
    let config = PhoneConfig { bind, server, voice, codecs: vec![CodecId::Pcmu], ..PhoneConfig::default() };
    Phone::new(config).await.expect("the address is free")
}

async fn talk(caller: &Phone, callee: &Phone) -> [Call; 2] {
    let lifted = async {
        let incoming = tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time");
        incoming.expect("a call").answer().await.expect("a codec in common")
    };
    // A call that is refused says so at once.
    let call = async { caller.call("9100").await.expect("an answer") };
    let (call, lifted) = tokio::join!(call, lifted);
    [call, lifted]
}

/// Both ends hear so many packets from now on.
async fn assert_hear(ends: &[Call; 2], packets: usize) {
    let mut so_far = Vec::new();
    for end in ends {
        so_far.push(end.heard().await.expect("it goes on").packets.len());
    }
    for (end, so_far) in ends.iter().zip(so_far) {
        end.heard_packets(so_far + packets, PATIENCE).await.expect("audio");
    }
}

static TURN: Mutex<()> = Mutex::const_new(());

/// Four calls that are heard, in a gateway that keeps records.
struct Scene {
    /// One at a time: each looks at what it hears, and makes a thread busy.
    _turn: MutexGuard<'static, ()>,
    _folder: TempDir,
    place: StorePlace,
    telephony: Telephony,
    /// Where pages are served.
    http: SocketAddr,
    server: ServerHandle,
    caller: Phone,
    callee: Phone,
    calls: Vec<[Call; 2]>,
}

impl Scene {
    async fn new() -> Self {
        let turn = TURN.lock().await;
        let folder = TempDir::new().expect("a folder");
        let [office, carrier] = [free("127.0.0.1"), free("127.0.0.2")];
        let config = config(&folder, [office, carrier]);
        let own = config.store.as_ref().expect("it has one");
        let place = own.place.clone();
        let store = Store::open(own, config.cdr.as_ref()).await.expect("it is new");
        let bound = BoundHttp::open(config.http.as_ref().expect("it has one"), None).expect("a free port");
        let (http, shares) = (bound.address(), Shares::of_tests());
        let telephony =
            Telephony::start(&config, &Certificates::default(), Some(&bound), shares, Some(store))
                .expect("free ports");
        let server = bound.serve(Services {
            sip: None,
            json: Some(("/api/v1".into(), telephony.pages().expect("it is configured"))),
            rest: None,
            entry: telephony.entry(),
            demo: None,
            status: None,
            health: None,
            gate: Gate::new(50, 50),
            media: None,
        });
        let server = server.expect("the port is ours");
        let handle = server.handle();
        actix::spawn(server);
        let house = telephony.live.house(&config);
        let directory = Arc::new(BrokenDirectory(Arc::clone(&house.directory)));
        telephony.board.replace(House { directory, ..house });
        let caller = phone(office, telephony.phones()).await;
        let callee = phone(carrier, None).await;
        let mut calls = Vec::new();
        for _ in 0..4 {
            calls.push(talk(&caller, &callee).await);
        }
        for ends in &calls {
            assert_hear(ends, 50).await;
        }
        Self { _turn: turn, _folder: folder, place, telephony, http, server: handle, caller, callee, calls }
    }

    /// Ends the calls that are left, and the gateway; why each call ended, by whom, and whether all its legs have figures.
    async fn records(self) -> Vec<(String, String, bool)> {
        for [call, lifted] in &self.calls {
            call.hang_up().await.expect("confirmed");
            lifted.ended(PATIENCE).await.expect("BYE");
        }
        self.telephony.stop().await;
        self.server.stop(false).await;
        let mut told = Vec::new();
        let reader = CallReader::open(&self.place).await.expect("it is there");
        let read = reader.read(Period::default(), |record| {
            let end = record.end.as_ref().expect("it is over");
            let has_figures = record.legs.iter().all(|leg| leg.quality.is_some());
            told.push((end.cause.clone(), format!("{:?}", end.by), has_figures));
            Ok(())
        });
        read.await.expect("it is sound");
        told
    }
}

/// What stands in records of calls that a fault ended, and of those that went on.
fn ended(cause: &str, by: &str) -> (String, String, bool) {
    (cause.to_owned(), by.to_owned(), true)
}

#[test]
fn a_call_that_panics_ends_with_bye_and_a_record_that_says_so_and_the_others_go_on() {
    actix::System::new().block_on(async {
        let mut scene = Scene::new().await;
        let broken = scene.calls.remove(2);
        let breaks = async {
            // Nobody is there any more who could answer it.
            let _ = broken[0].transfer("9200").await;
            std::future::pending::<()>().await;
        };
        let hear_of_the_end = async {
            for end in &broken {
                end.ended(PATIENCE).await.expect("BYE");
            }
        };
        tokio::select! {
            () = breaks => {}
            () = hear_of_the_end => {}
        }
        for ends in &scene.calls {
            assert_hear(ends, 50).await;
        }
        let telephony = &scene.telephony;
        assert_eq!((telephony.engine.ledger().calls, telephony.board.legs()), (3, 6));
        let told = scene.records().await;
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!(told[0], ended("internal_error", "Gateway"), "{told:?}");
        assert!(told[1..].iter().all(|it| *it == ended("hangup", "Caller")), "{told:?}");
    });
}

/// Breaks what this thread does where it logs this: the gateway itself has no place for it.
struct Fault {
    message: &'static str,
    /// How many times yet.
    left: Arc<AtomicUsize>,
}

impl<S: Subscriber> Layer<S> for Fault {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut is_it = IsMessage { expected: self.message, is_it: false };
        event.record(&mut is_it);
        if is_it.is_it && self.left.load(Ordering::Relaxed) > 0 {
            self.left.fetch_sub(1, Ordering::Relaxed);
            panic!("a promise of ours is broken");
        }
    }
}

/// The log with faults at these messages, and how many times each breaks.
fn with_faults<const N: usize>(
    messages: [&'static str; N],
) -> (impl Subscriber + Send + Sync, [Arc<AtomicUsize>; N]) {
    let faults = messages.map(|message| Fault { message, left: Arc::default() });
    let left = faults.each_ref().map(|fault| Arc::clone(&fault.left));
    (tracing_subscriber::registry().with(Vec::from(faults)), left)
}

struct IsMessage {
    expected: &'static str,
    is_it: bool,
}

impl Visit for IsMessage {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.is_it |= field.name() == "message" && format!("{value:?}") == self.expected;
    }
}

/// All legs are in one task: what breaks in one costs that one and its call.
#[test]
fn a_panic_in_the_sip_core_costs_its_call_and_the_others_go_on() {
    actix::System::new().block_on(async {
        let (subscriber, [at_end, at_answer]) = with_faults(["leg ended", "call was answered"]);
        // As long as there is one alone, a thread that has none decides for all whether a line is of interest.
        let _another = Dispatch::new(tracing_subscriber::registry());
        // The gateway's signalling runs on this thread.
        let _logged = tracing::subscriber::set_default(subscriber);
        let mut scene = Scene::new().await;

        // It breaks while it takes the caller's BYE.
        let broken = scene.calls.remove(2);
        at_end.store(1, Ordering::Relaxed);
        // Both ends say BYE, and either may be first.
        let _ = broken[0].hang_up().await;
        broken[1].ended(PATIENCE).await.expect("BYE");
        assert_eq!(at_end.load(Ordering::Relaxed), 0, "it broke");

        // It breaks while it takes the callee's answer.
        at_answer.store(1, Ordering::Relaxed);
        let lifted = async {
            let incoming =
                tokio::time::timeout(PATIENCE, scene.callee.next_incoming()).await.expect("in time");
            // It may hear BYE before it has heard that its answer came.
            if let Ok(lifted) = incoming.expect("a call").answer().await {
                lifted.ended(PATIENCE).await.expect("BYE");
            }
        };
        let (refused, ()) = tokio::join!(scene.caller.call("9100"), lifted);
        assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(500));
        assert_eq!(at_answer.load(Ordering::Relaxed), 0, "it broke");

        for ends in &scene.calls {
            assert_hear(ends, 50).await;
        }
        let telephony = &scene.telephony;
        assert_eq!((telephony.engine.ledger().calls, telephony.board.legs()), (3, 6));
        let told = scene.records().await;
        assert_eq!(told.len(), 5, "{told:?}");
        assert_eq!(told[0], ended("internal_error", "Gateway"), "{told:?}");
        assert_eq!((told[1].0.as_str(), told[1].1.as_str()), ("internal_error", "Gateway"), "{told:?}");
        assert!(told[2..].iter().all(|it| *it == ended("hangup", "Caller")), "{told:?}");
    });
}
