//! The end of a gateway whose calls break one after the other.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use webtrunk_loadtest::agent::{AgentError, Phone, PhoneConfig, Voice};

use super::*;
use crate::http_client::{Request, ask};

const PATIENCE: Duration = Duration::from_secs(20);

fn free(ip: &str) -> SocketAddr {
    let socket = UdpSocket::bind((ip, 0)).expect("loopback is ours");
    socket.local_addr().expect("it is bound")
}

/// An address of loopback that no stream is served at.
fn free_for_streams() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").expect("loopback is ours");
    socket.local_addr().expect("it is bound")
}

/// What an operator who asks for a drain is told.
async fn drain(admin: SocketAddr, token: &Path) -> u16 {
    let token = fs::read_to_string(token).expect("it has one");
    let asked = tokio::task::spawn_blocking(move || {
        let (authority, authorization) = (admin.to_string(), format!("Bearer {}", token.trim()));
        let headers = [("Authorization", authorization.as_str())];
        let path = "/drain";
        ask(&Request {
            method: "POST",
            authority: &authority,
            path,
            headers: &headers,
            body: &[],
            patience: PATIENCE,
        })
    });
    asked.await.expect("no panic").expect("it answers").status
}

fn config(sip: SocketAddr, office: SocketAddr, (admin, token): (SocketAddr, &Path)) -> Config {
    let (ip, port) = (office.ip(), office.port());
    let text = format!(
        "[admin]\nbind = '{admin}'\ntoken_file = {token:?}\n\
         [sip]\n[[sip.listeners]]\ntransport = 'udp'\nbind = '{sip}'\n\
         [media]\naddresses = ['127.0.0.1']\nshards = 1\nwebrtc_port = 0\nrtp_address = '127.0.0.1'\n\
         [[trunks]]\nname = 'office'\nhost = '{ip}'\nport = {port}\ntransport = 'udp'\nnetworks = ['{ip}']\n\
         codecs = ['PCMU']\n\
         [[rules]]\nname = 'echo'\ndestination = '9196'\nfrom_trunk = 'office'\nactions = ['answer', 'echo']\n"
    );
    Config::parse("w.toml", &text).expect("sound")
}

#[test]
fn a_gateway_that_breaks_too_often_takes_no_calls_lets_the_others_end_and_ends_as_unsound() {
    actix::System::new().block_on(async {
        let [sip, office] = [free("127.0.0.1"), free("127.0.0.2")];
        let (folder, admin) = (TempDir::new().expect("a folder"), free_for_streams());
        let token = folder.path().join("token");
        let (panics, told) = Panics::told_by_hand();
        let supervision = Supervision { manager: Arc::default(), panics };
        let (_trigger, shutdown) = Shutdown::channel();
        let served = actix::spawn(serve(
            config(sip, office, (admin, &token)),
            None,
            shutdown,
            (None, People::channel().0),
            supervision,
        ));
        let voice = Some(Voice::tone(440, -10.0));
        let config = PhoneConfig { bind: office, server: Some(sip), voice, ..PhoneConfig::default() };
        let phone = Phone::new(config).await.expect("the address is free");
        let call = phone.call("9196").await.expect("an echo");
        call.heard_packets(50, PATIENCE).await.expect("its echo");

        for _ in 0..5 {
            assert!(!served.is_finished());
            told.send(Instant::now()).await.expect("it listens");
        }
        let refused = loop {
            match phone.call("9196").await {
                // It had not heard yet.
                Ok(early) => early.hang_up().await.map(drop).expect("confirmed"),
                Err(refused) => break refused,
            }
        };
        assert_eq!(AgentError::status(&refused), Some(503), "{refused}");
        call.heard_packets(150, PATIENCE).await.expect("it goes on");
        assert!(!served.is_finished(), "it waits for the call");
        assert_eq!(drain(admin, &token).await, 202, "operators are served until the end");
        call.heard_packets(50, PATIENCE).await.expect("it goes on");
        call.hang_up().await.expect("confirmed");
        let ended = tokio::time::timeout(PATIENCE, served).await.expect("in time").expect("no panic");
        assert!(matches!(ended, Err(ServeError::Unsound(Fault::Panics { count: 5 }))), "{ended:?}");
    });
}
