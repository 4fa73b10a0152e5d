//! A fault of ours in one call of several, all of them real: sockets, phones, media and records.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::media::Prompt;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_loadtest::agent::{Call, Phone, PhoneConfig, Voice};
use webtrunk_signalling::adapter::{MediaProfile, Origin};
use webtrunk_signalling::b2bua::{Directory, Place, Redirects};
use webtrunk_signalling::routing::BridgeTarget;
use webtrunk_signalling::switchboard::House;

use super::Telephony;
use crate::certificates::Certificates;
use crate::config::Config;
use crate::store::{Period, Store, read_calls};

const PATIENCE: Duration = Duration::from_secs(20);

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

    fn calls_max(&self, user: &str) -> Option<usize> {
        self.0.calls_max(user)
    }

    fn may_pick_up(&self, who: &Origin, of: &Origin) -> bool {
        self.0.may_pick_up(who, of)
    }

    fn redirects(&self, origin: &Origin) -> Redirects {
        self.0.redirects(origin)
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

/// Phones at two trunks, of which the first may call the other.
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
        "[sip]\n[[sip.listeners]]\ntransport = 'udp'\nbind = '127.0.0.1:0'\n\
         [media]\naddresses = ['127.0.0.1']\nshards = 1\nwebrtc_port = 0\nrtp_address = '127.0.0.1'\n\
         [store]\npath = {path:?}\n[cdr]\n{}{}\
         [[rules]]\nname = 'out'\ndestination = '9\\d+'\nfrom_trunk = 'office'\n\
         actions = [{{ bridge = {{ trunk = 'carrier', number = '$0' }} }}]\n",
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
    let (call, lifted) = tokio::join!(caller.call("9100"), lifted);
    [call.expect("an answer"), lifted]
}

async fn assert_hear(ends: &[Call; 2], packets: usize) {
    for end in ends {
        end.heard_packets(packets, PATIENCE).await.expect("audio");
    }
}

#[test]
fn a_call_that_panics_ends_with_bye_and_a_record_that_says_so_and_the_others_go_on() {
    actix::System::new().block_on(async {
        let folder = TempDir::new().expect("a folder");
        let [office, carrier] = [free("127.0.0.1"), free("127.0.0.2")];
        let config = config(&folder, [office, carrier]);
        let path = config.store.as_ref().expect("it has one").path.clone();
        let store = Store::open(&path, config.cdr.as_ref()).await.expect("it is new");
        let telephony =
            Telephony::start(&config, &Certificates::default(), None, 10, Some(store)).expect("free ports");
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
        let broken = calls.remove(2);
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
        for ends in &calls {
            assert_hear(ends, 150).await;
        }
        assert_eq!((telephony.engine.ledger().calls, telephony.board.legs()), (3, 6));
        for [call, lifted] in &calls {
            call.hang_up().await.expect("confirmed");
            lifted.ended(PATIENCE).await.expect("BYE");
        }
        telephony.stop().await;

        let mut told = Vec::new();
        let read = read_calls(&path, Period::default(), |record| {
            let end = record.end.as_ref().expect("it is over");
            let has_figures = record.legs.iter().all(|leg| leg.quality.is_some());
            told.push((end.cause.clone(), format!("{:?}", end.by), has_figures));
            Ok(())
        });
        read.await.expect("it is sound");
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("internal_error", "Gateway"), "{told:?}");
        let rest = ("hangup".to_owned(), "Caller".to_owned(), true);
        assert!(told[1..].iter().all(|it| *it == rest), "{told:?}");
    });
}
