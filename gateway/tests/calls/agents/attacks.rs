//! Attackers of a call's media: on the way, behind the same NAT, anywhere else. The call goes on as if there were none.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, LaterKeys, PhoneConfig, PhoneSrtp, SrtpProfile, WebrtcConfig};

use super::ear::{assert_hears_no_gap, assert_is_one_stream, assert_level, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, RTP_PORTS, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::forgery;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::{SIP_PORT, WEBRTC_PORT};
use crate::support::host::Host;
use crate::support::relay::{Faults, Relay, Spray};

/// An attacker on the way who cannot keep packets back, but sends under anybody's address.
const FORGED: Faults = Faults { forge: Some(forgery::beside), ..Faults::NONE };

/// What comes back to the client from him.
const FORGED_BACK: Faults = Faults { forge: Some(forgery::beside_srtp), ..Faults::NONE };

/// Six seconds.
const PACKETS: usize = 300;

/// Both hear the other as it speaks, without a gap, in one stream, and nobody has hung up.
async fn assert_undisturbed(call: &Call, lifted: &Call) {
    for (end, hz) in [(call, CALLEE_HZ), (lifted, CALLER_HZ)] {
        end.heard_packets(PACKETS, PATIENCE).await.expect("audio");
        assert_level(end, hz).await;
        assert_hears_no_gap(end).await;
        assert_is_one_stream(end).await;
    }
}

async fn hang_up(stage: &Stage, call: Call) {
    call.hang_up().await.expect("the call is still there");
    stage.gateway.assert_all_is_over(1);
}

/// What the gateway counted of its leg of this transport.
fn received(stage: &Stage, transport: &str) -> (u64, u64) {
    let figures = stage.figures(transport);
    let figure = |name: &str| figures[name].as_u64().unwrap_or_else(|| panic!("{name} of {figures}"));
    (figure("received"), figure("lost"))
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_beside_every_packet_of_webrtc() {
    let relay = Relay::new();
    let config = GatewayConfig::default()
        .media("shards = 1")
        .media(&format!("external_addresses = [\"{}\"]", relay.ip()));
    let stage = Stage::with(&["PCMU"], config);
    relay.carry((stage.gateway.sip().ip(), WEBRTC_PORT).into(), [FORGED, FORGED_BACK]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_undisturbed(&call, &lifted).await;
    assert!(relay.tallies()[0].forged() > 3000, "nobody attacked");
    hang_up(&stage, call).await;
    assert_eq!(received(&stage, "webrtc").1, 0, "lost");
}

/// A stage whose users' media pass the relay, and what alice is like who lets nobody but herself be the DTLS client.
fn stage_of_a_dtls_client(relay: &Relay, faults: [Faults; 2]) -> (Stage, WebrtcConfig) {
    let config = GatewayConfig::default()
        .media("shards = 1")
        .media(&format!("external_addresses = [\"{}\"]", relay.ip()));
    let stage = Stage::with(&["PCMU"], config);
    relay.carry((stage.gateway.sip().ip(), WEBRTC_PORT).into(), faults);
    let alice = WebrtcConfig { insists_on_dtls_client: true, ..stage.alice() };
    (stage, alice)
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_beside_every_packet_of_webrtc_while_the_gateway_is_the_dtls_server() {
    let relay = Relay::new();
    let (stage, alice) = stage_of_a_dtls_client(&relay, [FORGED, FORGED_BACK]);
    let (alice, callee) = (webrtc(alice).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_undisturbed(&call, &lifted).await;
    assert!(relay.tallies()[0].forged() > 3000, "nobody attacked");
    hang_up(&stage, call).await;
    assert_eq!(received(&stage, "webrtc").1, 0, "lost");
}

/// What no server that answers for others can rule out: whoever sends a whole ClientHello into the round trip of a
/// handshake fails it. As rarely as docs/WEBRTC.md says, and it is told.
#[tokio::test(flavor = "multi_thread")]
async fn whole_client_hellos_forged_beside_a_handshake_fail_few_calls_at_most() {
    const CALLS: usize = 20;
    const FAILED_MAX: usize = 2;
    let spray = Spray { every: Duration::from_millis(100), make: forgery::client_hello };
    let relay = Relay::new();
    let sprayed = Faults { spray: Some(spray), ..Faults::NONE };
    let (stage, alice) = stage_of_a_dtls_client(&relay, [sprayed, Faults::NONE]);
    let (alice, callee) = (webrtc(alice).await, phone(stage.callee(CodecId::Pcmu)).await);
    let mut failed = 0;
    for _ in 0..CALLS {
        let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
        if call.media_ready(PATIENCE).await.is_err() {
            lifted.ended(PATIENCE).await.expect("whoever it was with hears of it");
            failed += 1;
            continue;
        }
        for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
            end.heard_packets(100, PATIENCE).await.expect("audio");
            assert_mostly_hears(end, hz).await;
        }
        call.hang_up().await.expect("the call is still there");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    assert!(relay.tallies()[0].forged() > 10 * CALLS as u64, "nobody attacked");
    assert!(failed <= FAILED_MAX, "{failed} of {CALLS} calls");
    assert_eq!(stage.gateway.log().count(&["leg failed"]), failed, "told");
    stage.gateway.assert_all_is_over(CALLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_beside_every_packet_of_an_encrypted_phone() {
    const RTP_PORTS: [u16; 2] = [20_000, 20_003];
    const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254));
    for profile in [SrtpProfile::Aes128CmHmacSha1_80, SrtpProfile::AeadAes128Gcm] {
        let relay = Relay::new();
        let [from, to] = RTP_PORTS;
        let config = GatewayConfig::default().media("shards = 1").rtp_ports(from, to).trunk_srtp("offer");
        let stage = Stage::behind(&relay, &["PCMU"], config);
        let gateway = stage.gateway.sip().ip();
        for port in from..=to {
            relay.carry((gateway, port).into(), [FORGED, FORGED_BACK]);
        }
        relay.carry((gateway, SIP_PORT).into(), [Faults::default(); 2]);
        let server = Some(SocketAddr::new(relay.ip(), SIP_PORT));
        let srtp = Some(PhoneSrtp { profile, is_optional: false, later: LaterKeys::Kept });
        let caller = PhoneConfig { server, behind_nat: Some(NOBODY), srtp, ..stage.caller(CodecId::Pcmu) };
        let (caller, callee) = (phone(caller).await, phone(stage.callee(CodecId::Pcmu)).await);
        let (call, lifted) = talk(&caller, &callee).await;
        assert_undisturbed(&call, &lifted).await;
        assert!(relay.tallies()[0].forged() > 3000, "nobody attacked");
        hang_up(&stage, call).await;
        assert_eq!(received(&stage, "rtp").1, 0, "lost");
    }
}

/// Sends noise, reports, handshakes and checks to the ports until the call has been heard for long enough.
struct Attacker {
    socket: UdpSocket,
    targets: Vec<SocketAddr>,
}

impl Attacker {
    fn new(ip: IpAddr, targets: Vec<SocketAddr>) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("the host is ours");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a time-out");
        Self { socket, targets }
    }

    /// 200 rounds in four seconds; gives how many bytes were answered.
    async fn attack(self) -> usize {
        let mut answered = 0;
        for number in 0..200_u16 {
            let noise = forgery::noise(0xBAD, number);
            let volley = [
                vec![noise.clone()],
                forgery::malformed(&noise),
                forgery::reports(&noise),
                forgery::handshakes(number.into()),
            ];
            for (target, datagram) in
                self.targets.iter().flat_map(|to| volley.iter().flatten().map(move |it| (to, it)))
            {
                self.socket.send_to(datagram, target).expect("loopback takes it");
            }
            let mut buffer = [0; 2048];
            while let Ok(length) = self.socket.recv(&mut buffer) {
                answered += length;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        answered
    }
}

/// RTP bleed, injection, forged RTCP and amplification: from a stranger's host, and from the phone's own host by
/// another port, where somebody behind the same NAT would be.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_neither_heard_nor_answered() {
    let stage = Stage::new(&["PCMU"]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    lifted.heard_packets(10, PATIENCE).await.expect("audio");
    let rtp = lifted.remote_description().expect("a description").address;
    let targets = vec![
        rtp,
        SocketAddr::new(rtp.ip(), rtp.port() + 1),
        SocketAddr::new(stage.gateway.sip().ip(), WEBRTC_PORT),
    ];
    let stranger = Host::new();
    let [far, near] =
        [stranger.ip(), stage.carrier.ip()].map(|ip| Attacker::new(ip, targets.clone()).attack());
    let (far, near) = tokio::join!(far, near);
    assert_eq!((far, near), (0, 0), "bytes were answered");
    assert_undisturbed(&call, &lifted).await;
    hang_up(&stage, call).await;
    assert_eq!(received(&stage, "rtp").1, 0, "lost");
}

/// From before the answer on, while the gateway does not know yet from where a phone behind a NAT sends: a stranger's voice in order,
/// from a host that neither was told nor signals, is not taken for the phone's.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_is_there_before_the_phone_is_not_learned() {
    let relay = Relay::new();
    let (stage, caller) = Stage::behind_nat(&relay, Faults::NONE);
    let gateway = stage.gateway.sip().ip();
    let targets: Vec<_> = RTP_PORTS.map(|port| SocketAddr::new(gateway, port)).collect();
    let stranger = Host::new();
    let attack = tokio::spawn(Attacker::new(stranger.ip(), targets).attack());
    // Some volleys come before there is anything at the ports.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (caller, callee) = (phone(caller).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_undisturbed(&call, &lifted).await;
    assert_eq!(attack.await.expect("it attacks to its end"), 0, "bytes were answered");
    hang_up(&stage, call).await;
    assert_eq!(received(&stage, "rtp").1, 0, "lost");
}

/// A report that says goodbye, from the very address of the phone, ends no call.
#[tokio::test(flavor = "multi_thread")]
async fn a_goodbye_in_rtcp_ends_no_call() {
    const SAYS_GOODBYE: Faults = Faults { forge: Some(forgery::beside_rtp), ..Faults::NONE };
    const RTP_PORTS: [u16; 2] = [20_000, 20_003];
    let relay = Relay::new();
    let [from, to] = RTP_PORTS;
    let config = GatewayConfig::default().media("shards = 1").rtp_ports(from, to);
    let stage = Stage::behind(&relay, &["PCMU"], config);
    let gateway = stage.gateway.sip().ip();
    for port in from..=to {
        relay.carry((gateway, port).into(), [SAYS_GOODBYE, Faults::default()]);
    }
    relay.carry((gateway, SIP_PORT).into(), [Faults::default(); 2]);
    let server = Some(SocketAddr::new(relay.ip(), SIP_PORT));
    let behind_nat = Some(IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254)));
    let caller = PhoneConfig { server, behind_nat, ..stage.caller(CodecId::Pcmu) };
    let (caller, callee) = (phone(caller).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_undisturbed(&call, &lifted).await;
    assert!(relay.tallies()[0].forged() > 3000, "nobody attacked");
    hang_up(&stage, call).await;
}
