//! Phones that speak one version of TLS alone.

use rustls::version::{TLS12, TLS13};
use webtrunk_codecs::CodecId;

use super::doors::Doors;
use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, phone};
use super::stream_phone::{StreamPhone, Way};
use crate::support::gateway::GatewayConfig;
use crate::support::host::Host;

/// Fails when the listener speaks one version alone.
#[tokio::test(flavor = "multi_thread")]
async fn phones_of_tls_1_2_alone_and_of_tls_1_3_alone_are_called_and_both_hear_each_other() {
    let rule = "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
    for version in [&TLS12, &TLS13] {
        let doors = Doors::new(GatewayConfig::default().rule(rule)).spoken_to_by(version);
        let (home, office) = (Host::new(), phone(doors.stage.caller(CodecId::Pcmu)).await);
        let stream = doors.tls_stream(home.ip()).await.expect("the gateway takes it");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let mut alice = StreamPhone::connect(&doors, Way::Tls, &home).await;
        alice.register().await;
        let (call, _) = tokio::join!(office.call("alice"), alice.lift());
        let call = call.expect("an answer");
        assert_hears(&call, CALLEE_HZ).await;
        let mut alice = alice.hears(CALLER_HZ).await;
        let (ended, _) = tokio::join!(call.hang_up(), alice.is_hung_up());
        ended.expect("confirmed");
        doors.stage.gateway.assert_all_is_over(1);
    }
}
