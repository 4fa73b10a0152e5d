//! A trunk that closes the stream of a call, as many do with one that is idle, or whose calls go on at another address of its:
//! what is due in the call goes there, and to nobody who does not show the trunk's name.

use std::net::SocketAddr;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;

use super::doors::TLS_PORT;
use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone};
use super::stream_phone::{Connection, Octets, Way};
use super::wire::peer::StreamPeer;
use crate::sip::raw_phone::{audio_port, description, response};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::certificate::{pair, pair_for, server_config};
use crate::support::dns::{Dns, Zone};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// The trunk's name, and that of somebody else whom the gateway trusts as well.
const NAME: &str = "far.test";
const OTHER_NAME: &str = "other.test";

const AUDIO_PORT: u16 = 7000;

/// Of its answers: the gateway is to refresh the call every ten seconds.
const TIMER: &str =
    "Allow: INVITE, ACK, BYE, UPDATE\r\nRequire: timer\r\nSession-Expires: 20;refresher=uac\r\n";

/// One of the trunk's addresses.
struct Door {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
}

/// A gateway that calls the trunk at numbers that begin with 7.
struct Ground {
    stage: Stage,
    far: Host,
    /// Where the trunk's name leads.
    door: Door,
    /// Certificates for the trunk's name and for the other one, and their keys.
    pairs: [(PathBuf, PathBuf); 2],
    mouth: RtpPeer,
    _folder: TempDir,
    _names: (Dns, Host),
}

impl Door {
    async fn open(address: SocketAddr, shown: Option<&(PathBuf, PathBuf)>) -> Self {
        let listener = TcpListener::bind(address).await.expect("the host is ours");
        Self { listener, acceptor: shown.map(|pair| TlsAcceptor::from(server_config(pair))) }
    }

    /// The next stream; nothing where the gateway does not take its certificate.
    async fn accept(&self) -> Option<Connection> {
        let accepted = timeout(PATIENCE, self.listener.accept()).await.expect("the gateway calls");
        let (stream, _) = accepted.expect("a stream");
        let stream: Box<dyn Octets> = match &self.acceptor {
            Some(acceptor) => Box::new(acceptor.accept(stream).await.ok()?),
            None => Box::new(stream),
        };
        Some(StreamPeer::over(stream))
    }
}

impl Ground {
    async fn new(way: Way) -> Self {
        let [own, far, names] = std::array::from_fn(|_| Host::new());
        let folder = TempDir::new().expect("a folder for the test");
        let dns = Dns::serve(&names, Zone::default().address(NAME, far.ip()));
        let (certificate, key) = pair(&folder, "own", own.ip());
        let pairs = [NAME, OTHER_NAME].map(|name| pair_for(&folder, name, name));
        let trusted = folder.path().join("trusted.crt");
        let both = pairs.each_ref().map(|(file, _)| std::fs::read_to_string(file).expect("it was made"));
        std::fs::write(&trusted, both.concat()).expect("the folder is ours");
        let (transport, port, shown) = match way {
            Way::Tcp => ("tcp", SIP_PORT, None),
            Way::Tls => ("tls", TLS_PORT, Some(&pairs[0])),
        };
        let door = Door::open(far.at(port), shown).await;
        let config = GatewayConfig::default()
            .sip(&dns.line())
            .sip("session_expires_min_s = 2")
            .sip(&format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", own.at(TLS_PORT)))
            .tls(&certificate, &key)
            .trusting(&trusted)
            .trunk_lines(&format!(
                "name = 'far'\nhost = '{NAME}'\nport = {port}\ntransport = '{transport}'\ncodecs = ['PCMU']"
            ))
            .rule(
                "destination = '7\\d+'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'far', number = '$0' } }]",
            );
        let stage = Stage::at(own, &["PCMU"], config, "");
        let mouth = RtpPeer::new(&far, AUDIO_PORT);
        Self { stage, far, door, pairs, mouth, _folder: folder, _names: (dns, names) }
    }

    /// Answers an INVITE by the stream by which it came, and talks; what is due in the call is to come to `contact`.
    async fn take(&mut self, by: &mut Connection, invite: &str, contact: &str) {
        let headers = format!("{contact}{TIMER}Content-Type: application/sdp\r\n");
        let answer = response(invite, "200 OK", &headers, &description(self.far.ip(), AUDIO_PORT));
        by.send(answer.as_bytes()).await;
        let at = (self.stage.gateway.sip().ip(), audio_port(invite)).into();
        self.mouth.say(at, Law::Mu, CALLEE_HZ.into());
    }
}

/// The next message, which has to be this request.
async fn request(by: &mut Connection, method: &str) -> String {
    let request = by.receive().await.expect("the gateway keeps the stream");
    assert!(request.starts_with(&format!("{method} ")), "no {method}: {request}");
    request
}

async fn agree(by: &mut Connection, request: &str, headers: &str) {
    by.send(response(request, "200 OK", headers, "").as_bytes()).await;
}

fn contact(address: SocketAddr, transport: &str) -> String {
    format!("Contact: <sip:far@{address};transport={transport}>\r\n")
}

/// Whatever is due has a stream of its own, since the one before is closed each time.
async fn goes_on_by_other_streams(way: Way) {
    let mut ground = Ground::new(way).await;
    let office = phone(ground.stage.caller(CodecId::Pcmu)).await;
    let dialing = office.dial("7100").await.expect("a number");
    let mut first = ground.door.accept().await.expect("its certificate is good");
    let invite = request(&mut first, "INVITE").await;
    let contact = match way {
        Way::Tcp => contact(ground.far.at(SIP_PORT), "tcp"),
        Way::Tls => contact(ground.far.at(TLS_PORT), "tls"),
    };
    ground.take(&mut first, &invite, &contact).await;
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    request(&mut first, "ACK").await;
    drop(first);
    assert_hears_from_now(&call, CALLEE_HZ).await;
    let mut second = ground.door.accept().await.expect("by the same name");
    let update = request(&mut second, "UPDATE").await;
    agree(&mut second, &update, &format!("{contact}{TIMER}")).await;
    drop(second);
    assert_hears_from_now(&call, CALLEE_HZ).await;
    ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
    call.hang_up().await.expect("confirmed");
    let mut third = ground.door.accept().await.expect("by the same name");
    let bye = request(&mut third, "BYE").await;
    agree(&mut third, &bye, "").await;
    ground.stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_tcp_trunk_closed_its_stream_is_refreshed_and_hung_up_by_others() {
    goes_on_by_other_streams(Way::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_tls_trunk_closed_its_stream_is_refreshed_and_hung_up_by_others() {
    goes_on_by_other_streams(Way::Tls).await;
}

/// Whose certificate names somebody else there gets no word of the call.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_at_another_address_of_a_tls_trunk_that_shows_its_name_there() {
    for is_the_trunk in [true, false] {
        let mut ground = Ground::new(Way::Tls).await;
        let elsewhere = Host::new();
        let shown = if is_the_trunk { &ground.pairs[0] } else { &ground.pairs[1] };
        let door = Door::open(elsewhere.at(TLS_PORT), Some(shown)).await;
        let office = phone(ground.stage.caller(CodecId::Pcmu)).await;
        let dialing = office.dial("7100").await.expect("a number");
        let mut first = ground.door.accept().await.expect("its certificate is good");
        let invite = request(&mut first, "INVITE").await;
        ground.take(&mut first, &invite, &contact(elsewhere.at(TLS_PORT), "tls")).await;
        let call = dialing.answered(PATIENCE).await.expect("an answer");
        let second = door.accept().await;
        assert_eq!(second.is_some(), is_the_trunk);
        let Some(mut second) = second else { continue };
        request(&mut second, "ACK").await;
        assert_hears_from_now(&call, CALLEE_HZ).await;
        ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
        call.hang_up().await.expect("confirmed");
        let bye = request(&mut second, "BYE").await;
        agree(&mut second, &bye, "").await;
        ground.stage.gateway.assert_all_is_over(1);
    }
}
