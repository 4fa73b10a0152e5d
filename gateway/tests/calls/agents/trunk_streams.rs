//! A trunk that closes the stream of a call, as many do with one that is idle, or whose calls go on at another address of its:
//! what is due in the call goes there, and to nobody who does not show the trunk's name.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rustls::DEFAULT_VERSIONS;
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{AgentError, Call, Phone};

use super::doors::{TLS_PORT, connect};
use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone};
use super::stream_phone::{Connection, Octets, Way};
use super::wire::peer::StreamPeer;
use crate::sip::raw_phone::{audio_port, description, header, response};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::script::Script;
use crate::support::certificate::{client_config, pair, pair_for, server_config};
use crate::support::dns::{Dns, Zone};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// The trunk's name, and that of somebody else whom the gateway trusts as well.
pub(super) const NAME: &str = "far.test";
pub(super) const OTHER_NAME: &str = "other.test";

/// Where its audio is in calls that it takes, and in the first that it makes.
const AUDIO_PORT: u16 = 7000;
pub(super) const OWN_AUDIO_PORT: u16 = 7002;

/// Longer than the store collects what it writes at once.
const WRITTEN: Duration = Duration::from_millis(500);

/// Of its answers: the gateway is to refresh the call every ten seconds.
pub(super) const TIMER: &str =
    "Allow: INVITE, ACK, BYE, UPDATE\r\nRequire: timer\r\nSession-Expires: 20;refresher=uac\r\n";

/// One of the trunk's addresses.
pub(super) struct Door {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
}

/// A gateway that calls the trunk at numbers that begin with 7, and lets it call those of the carrier.
pub(super) struct Ground {
    pub(super) stage: Stage,
    pub(super) far: Host,
    /// Where the trunk's name leads.
    pub(super) door: Door,
    /// Certificates for the trunk's name and for the other one, and their keys.
    pub(super) pairs: [(PathBuf, PathBuf); 2],
    pub(super) mouth: RtpPeer,
    /// By which the trunk comes to the gateway.
    connector: TlsConnector,
    _folder: TempDir,
    _names: (Dns, Host),
}

impl Door {
    pub(super) async fn open(address: SocketAddr, shown: Option<&(PathBuf, PathBuf)>) -> Self {
        let listener = TcpListener::bind(address).await.expect("the host is ours");
        Self { listener, acceptor: shown.map(|pair| TlsAcceptor::from(server_config(pair))) }
    }

    /// Shows this certificate from now on.
    pub(super) fn show(&mut self, pair: &(PathBuf, PathBuf)) {
        self.acceptor = Some(TlsAcceptor::from(server_config(pair)));
    }

    /// The next stream; nothing where the gateway does not take its certificate.
    pub(super) async fn accept(&self) -> Option<Connection> {
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
        let (transport, port) = match way {
            Way::Tcp => ("tcp", SIP_PORT),
            Way::Tls => ("tls", TLS_PORT),
        };
        let lines = format!("port = {port}\ntransport = '{transport}'");
        Self::led_by(GatewayConfig::default(), way, &lines, |zone, _| zone).await
    }

    /// The same with what a configuration has already, these lines of the trunk's, and what the name server knows besides of the
    /// trunk's host.
    pub(super) async fn led_by(
        config: GatewayConfig,
        way: Way,
        lines: &str,
        more: impl FnOnce(Zone, IpAddr) -> Zone,
    ) -> Self {
        let [own, far, names] = std::array::from_fn(|_| Host::new());
        let folder = TempDir::new().expect("a folder for the test");
        let dns = Dns::serve(&names, more(Zone::default().address(NAME, far.ip()), far.ip()));
        let (certificate, key) = pair(&folder, "own", own.ip());
        let pairs = [NAME, OTHER_NAME].map(|name| pair_for(&folder, name, name));
        let trusted = folder.path().join("trusted.crt");
        let both = pairs.each_ref().map(|(file, _)| std::fs::read_to_string(file).expect("it was made"));
        std::fs::write(&trusted, both.concat()).expect("the folder is ours");
        let door = match way {
            Way::Tcp => Door::open(far.at(SIP_PORT), None).await,
            Way::Tls => Door::open(far.at(TLS_PORT), Some(&pairs[0])).await,
        };
        let config = config
            .sip(&dns.line())
            .sip("session_expires_min_s = 2")
            .sip(&format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", own.at(TLS_PORT)))
            .tls(&certificate, &key)
            .trusting(&trusted)
            .trunk_lines(&format!(
                "name = 'far'\nhost = '{NAME}'\ncodecs = ['PCMU']\nnetworks = ['{}']\n{lines}",
                far.ip()
            ))
            .rule(
                "destination = '7\\d+'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'far', number = '$0' } }]",
            )
            .rule(
                "destination = '9\\d+'\nfrom_trunk = 'far'\n\
                 actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
            );
        let connector = TlsConnector::from(client_config(&certificate, DEFAULT_VERSIONS));
        let stage = Stage::at(own, &["PCMU"], config, "");
        let mouth = RtpPeer::new(&far, AUDIO_PORT);
        Self { stage, far, door, pairs, mouth, connector, _folder: folder, _names: (dns, names) }
    }

    /// A stream of the trunk's own over TLS.
    pub(super) async fn connect(&self) -> Connection {
        let at = SocketAddr::new(self.stage.gateway.sip().ip(), TLS_PORT);
        let stream = connect(self.far.ip(), at).await;
        let stream = self.connector.connect(ServerName::from(at.ip()), stream).await;
        StreamPeer::over(Box::new(stream.expect("its certificate is good")))
    }

    /// Has the trunk call a number by such a stream, and say a tone from a port; what is due in the call is to come to `contact`.
    /// `headers` are more lines of its INVITE. Gives the end of who lifts it, and the trunk's.
    pub(super) async fn call_in(
        &self,
        own: &mut Connection,
        (number, carrier): (&str, &Phone),
        contact: &str,
        headers: &str,
        (port, hz): (u16, u16),
    ) -> (Call, RtpPeer) {
        let mut script = Script::new("7100", "TLS", &self.far.at(TLS_PORT).to_string(), contact);
        let (uri, offer) = (format!("sip:{number}@webtrunk.test"), description(self.far.ip(), port));
        let headers = format!("{headers}Content-Type: application/sdp\r\n");
        let invite = script.request("INVITE", &uri, &headers, &offer);
        own.send(invite.as_bytes()).await;
        let lifted = lift(carrier).await;
        let answer = loop {
            let message = own.receive().await.expect("the gateway keeps the stream");
            if message.starts_with("SIP/2.0 2") {
                break message;
            }
        };
        own.send(script.ack(&answer).as_bytes()).await;
        let mut mouth = RtpPeer::new(&self.far, port);
        let at = (self.stage.gateway.sip().ip(), audio_port(&answer)).into();
        mouth.say(at, Law::Mu, hz.into());
        (lifted, mouth)
    }

    /// Answers an INVITE by the stream by which it came, and talks; what is due in the call is to come to `contact`.
    pub(super) async fn take(&mut self, by: &mut Connection, invite: &str, contact: &str) {
        let headers = format!("{contact}{TIMER}Content-Type: application/sdp\r\n");
        let answer = response(invite, "200 OK", &headers, &description(self.far.ip(), AUDIO_PORT));
        by.send(answer.as_bytes()).await;
        let at = (self.stage.gateway.sip().ip(), audio_port(invite)).into();
        self.mouth.say(at, Law::Mu, CALLEE_HZ.into());
    }
}

/// The next message, which has to be this request.
pub(super) async fn request(by: &mut Connection, method: &str) -> String {
    let request = by.receive().await.expect("the gateway keeps the stream");
    assert!(request.starts_with(&format!("{method} ")), "no {method}: {request}");
    request
}

pub(super) async fn agree(by: &mut Connection, request: &str, headers: &str) {
    by.send(response(request, "200 OK", headers, "").as_bytes()).await;
}

pub(super) fn contact(address: SocketAddr, transport: &str) -> String {
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

/// Where the answer says that the call goes on at another address. Whose certificate names somebody else there gets no word of it.
async fn goes_on_elsewhere(said: impl Fn(&Host, SocketAddr) -> String) {
    for is_the_trunk in [true, false] {
        let mut ground = Ground::new(Way::Tls).await;
        let elsewhere = Host::new();
        let shown = if is_the_trunk { &ground.pairs[0] } else { &ground.pairs[1] };
        let door = Door::open(elsewhere.at(TLS_PORT), Some(shown)).await;
        let office = phone(ground.stage.caller(CodecId::Pcmu)).await;
        let dialing = office.dial("7100").await.expect("a number");
        let mut first = ground.door.accept().await.expect("its certificate is good");
        let invite = request(&mut first, "INVITE").await;
        let said = said(&ground.far, elsewhere.at(TLS_PORT));
        ground.take(&mut first, &invite, &said).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_at_another_address_of_a_tls_trunk_that_shows_its_name_there() {
    goes_on_elsewhere(|_, elsewhere| contact(elsewhere, "tls")).await;
}

/// A proxy of the trunk that stays on the way (RFC 3261 16.6).
#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_by_a_route_over_tls_that_shows_the_trunks_name() {
    goes_on_elsewhere(|far, elsewhere| {
        let route = format!("Record-Route: <sip:{elsewhere};transport=tls;lr>\r\n");
        route + &contact(far.at(TLS_PORT), "tls")
    })
    .await;
}

/// Fails when a call is sent to whoever is at the trunk's address, or nothing tells why it is not.
async fn is_called_by_its_name_alone(mut ground: Ground) {
    let office = phone(ground.stage.caller(CodecId::Pcmu)).await;
    ground.door.show(&ground.pairs[1]);
    let dialing = office.dial("7100").await.expect("a number");
    assert!(ground.door.accept().await.is_none(), "what is not for it can be read there");
    let refused = dialing.answered(PATIENCE).await;
    assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(502));
    let told = ["TLS handshake failed", "certificate not valid for name", NAME];
    ground.stage.gateway.log().wait_for(&told, PATIENCE);

    ground.door.show(&ground.pairs[0]);
    let dialing = office.dial("7100").await.expect("a number");
    let mut by = ground.door.accept().await.expect("its certificate is good");
    let invite = request(&mut by, "INVITE").await;
    let contact = contact(ground.far.at(TLS_PORT), "tls");
    ground.take(&mut by, &invite, &contact).await;
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    request(&mut by, "ACK").await;
    assert_hears_from_now(&call, CALLEE_HZ).await;
    ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
    call.hang_up().await.expect("confirmed");
    let bye = request(&mut by, "BYE").await;
    agree(&mut by, &bye, "").await;
    ground.stage.gateway.assert_all_is_over(2);
}

/// The gateway trusts the certificate that is shown first as well, which is somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_trunk_whose_host_shows_another_name_hears_of_no_call_until_it_shows_its_own() {
    is_called_by_its_name_alone(Ground::new(Way::Tls).await).await;
}

/// Only its NAPTR record says so, and the host that its SRV record names has to show the domain's name, and not its own
/// (RFC 5922 7.3).
#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_wants_tls_is_called_by_tls_where_the_host_shows_the_domains_name() {
    let more = |zone: Zone, far| {
        zone.naptr(NAME, [10, 10], "SIPS+D2T", "_sips._tcp.far.test")
            .srv("_sips._tcp.far.test", [10, 0, TLS_PORT], OTHER_NAME)
            .address(OTHER_NAME, far)
    };
    is_called_by_its_name_alone(Ground::led_by(GatewayConfig::default(), Way::Tls, "", more).await).await;
}

/// The port of the stream by which it called is none that it listens at, and its address is in no certificate.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_trunk_that_closed_the_stream_by_which_it_called_is_hung_up_by_its_name() {
    let ground = Ground::new(Way::Tls).await;
    let carrier = phone(ground.stage.callee(CodecId::Pcmu)).await;
    let contact = format!("<sip:far@{};transport=tls>", ground.far.at(TLS_PORT));
    let mut own = ground.connect().await;
    let said = (OWN_AUDIO_PORT, CALLER_HZ);
    let (lifted, mouth) = ground.call_in(&mut own, ("9100", &carrier), &contact, "", said).await;
    assert_hears_from_now(&lifted, CALLER_HZ).await;
    mouth.assert_hears(Law::Mu, CALLEE_HZ.into());
    drop(own);
    ground.stage.gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
    lifted.hang_up().await.expect("confirmed");
    let mut other = ground.door.accept().await.expect("by its name");
    let bye = request(&mut other, "BYE").await;
    agree(&mut other, &bye, "").await;
    ground.stage.gateway.assert_all_is_over(1);
}

/// The process is killed that had the call, and its successor knows the trunk's address and name alone, whatever the trunk's Contact is.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_trunk_whose_call_ended_with_the_process_is_hung_up_by_its_name() {
    let lines = format!("port = {TLS_PORT}\ntransport = 'tls'");
    for is_contact_named in [false, true] {
        let folder = TempDir::new().expect("a folder");
        let config = GatewayConfig::default().store(&folder.path().join("webtrunk.db"));
        let mut ground = Ground::led_by(config, Way::Tls, &lines, |zone, _| zone).await;
        let office = phone(ground.stage.caller(CodecId::Pcmu)).await;
        let dialing = office.dial("7100").await.expect("a number");
        let mut first = ground.door.accept().await.expect("its certificate is good");
        let invite = request(&mut first, "INVITE").await;
        let contact = if is_contact_named {
            format!("Contact: <sip:far@{NAME}:{TLS_PORT};transport=tls>\r\n")
        } else {
            contact(ground.far.at(TLS_PORT), "tls")
        };
        ground.take(&mut first, &invite, &contact).await;
        let call = dialing.answered(PATIENCE).await.expect("an answer");
        request(&mut first, "ACK").await;
        assert_hears_from_now(&call, CALLEE_HZ).await;
        ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
        tokio::time::sleep(WRITTEN).await;
        ground.stage.gateway.kill_and_start_again();
        let mut second = ground.door.accept().await.expect("by its name");
        let bye = request(&mut second, "BYE").await;
        assert_eq!(header(&bye, "Call-ID"), header(&invite, "Call-ID"), "is named: {is_contact_named}");
        agree(&mut second, &bye, "").await;
    }
}
