//! A gateway that is looked at: alice calls over secure WebSocket, a phone with keys in its descriptions is called over UDP.

use std::path::PathBuf;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{
    Call, LaterKeys, Phone, PhoneConfig, PhoneSrtp, SrtpProfile, Trust, Voice, WebrtcCaller, WebrtcConfig,
};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, phone, talk_from_webrtc, webrtc};
use crate::support::certificate;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// What is asked and answered on the leg that calls, and on the one that is called.
pub(super) const OF_CALLER: [&str; 10] =
    ["INVITE", "401", "ACK", "INVITE", "100", "180", "200", "ACK", "BYE", "200"];
pub(super) const OF_CALLEE: [&str; 7] = ["INVITE", "100", "180", "200", "ACK", "BYE", "200"];

/// The gateway, and where its peers are.
pub(super) struct Sighted {
    pub(super) gateway: Gateway,
    /// Of phones of users.
    pub(super) office: Host,
    /// Of the trunk that is called.
    pub(super) carrier: Host,
    certificate: PathBuf,
    _folder: TempDir,
}

impl Sighted {
    /// A gateway with what a configuration has already.
    pub(super) fn start(config: GatewayConfig) -> Self {
        let (host, office, carrier) = (Host::new(), Host::new(), Host::new());
        let folder = TempDir::new().expect("a folder");
        let (certificate, key) = certificate::pair(&folder, "own", host.ip());
        let config = config
            .user("alice")
            .user("bob")
            .tls(&certificate, &key)
            .trunk_srtp("require")
            .trunk("carrier", &carrier, &["PCMU"])
            .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'carrier', number = '$0' } }]");
        let gateway = Gateway::start_at(host, &config);
        Self { gateway, office, carrier, certificate, _folder: folder }
    }

    /// Alice, who trusts the gateway's certificate.
    pub(super) async fn alice(&self) -> WebrtcCaller {
        webrtc(WebrtcConfig {
            trust: Trust::Authority(self.certificate.clone()),
            media_address: Some(self.gateway.sip().ip()),
            voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
            ..WebrtcConfig::new(&self.gateway.secure_websocket(), "alice", &password("alice"))
        })
        .await
    }

    /// The phone at the carrier.
    pub(super) async fn callee(&self) -> Phone {
        let profile = SrtpProfile::Aes128CmHmacSha1_80;
        phone(PhoneConfig {
            bind: self.carrier.at(SIP_PORT),
            server: Some(self.gateway.sip()),
            user: "2001".to_owned(),
            codecs: vec![CodecId::Pcmu],
            voice: Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)),
            srtp: Some(PhoneSrtp { profile, is_optional: false, later: LaterKeys::Kept }),
            ..PhoneConfig::default()
        })
        .await
    }
}

/// Both hear each other; gives both ends.
pub(super) async fn heard_talk(alice: &WebrtcCaller, callee: &Phone) -> (Call, Call) {
    let (call, lifted) = talk_from_webrtc(alice, callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    (call, lifted)
}

/// Keys of media and passwords of ICE that this end was told.
pub(super) fn secrets_of(call: &Call) -> Vec<String> {
    let told = call.remote_description().expect("a description");
    let keys = told.crypto.into_iter().map(|crypto| crypto.key);
    keys.chain(told.ice.map(|ice| ice.password)).collect()
}
