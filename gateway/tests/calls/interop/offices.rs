//! Two trunks at each of which a phone of ours is, beside a user whose phone is somebody else's.

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Phone, PhoneConfig, Voice};

use super::ear::await_tone;
use super::network::LEVEL_DBM0;
use super::plan::TLS_PORT;
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

pub(super) const OFFICE_HZ: u16 = 440;
pub(super) const THIRD_HZ: u16 = 850;

/// The office may call the user, who may call its numbers, which begin with 9, and those of the third, with 8.
pub(super) fn config(user: &str, [office, third]: [&Host; 2], sip: &str) -> GatewayConfig {
    GatewayConfig::default()
        .user(user)
        .trunk("office", office, &["PCMU"])
        .trunk("third", third, &["PCMU"])
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]")
        .rule("destination = '8\\d+'\nactions = [{ bridge = { trunk = 'third', number = '$0' } }]")
        .rule(&format!(
            "destination = '{user}'\nfrom_trunk = 'office'\nactions = [{{ bridge = {{ user = '{user}' }} }}]"
        ))
        .sip(sip)
}

/// Has it listen for TLS too, at [`TLS_PORT`]. The certificate is put into the folder.
pub(super) fn secured(config: GatewayConfig, own: &Host, folder: &TempDir) -> GatewayConfig {
    let (certificate, key) = pair(folder, "own", own.ip());
    let listener = format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", own.at(TLS_PORT));
    config.tls(&certificate, &key).sip(&listener)
}

/// Our phone at a trunk.
pub(super) async fn phone(host: &Host, gateway: &Gateway, hz: u16) -> Phone {
    let config = PhoneConfig {
        bind: host.at(SIP_PORT),
        server: Some(gateway.sip()),
        user: "2001".to_owned(),
        codecs: vec![CodecId::Pcmu],
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        ..PhoneConfig::default()
    };
    Phone::new(config).await.expect("the host is ours")
}

/// Fails unless the office, which stayed, and the third hear each other; then all of so many calls end.
pub(super) async fn assert_put_through(gateway: &Gateway, office: Call, third: Call, calls: usize) {
    await_tone(&office, THIRD_HZ.into()).await;
    await_tone(&third, OFFICE_HZ.into()).await;
    office.hang_up().await.expect("confirmed");
    third.ended(PATIENCE).await.expect("an end");
    gateway.assert_all_is_over(calls);
}
