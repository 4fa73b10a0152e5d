//! A trunk whose domain shares its calls among hosts by weight (RFC 2782).

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Phone, PhoneConfig, Voice};

use super::ear::assert_hears;
use super::stage::{CALLER_HZ, LEVEL_DBM0, Stage, lift, phone};
use crate::support::dns::{Dns, Zone};
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// What the phones at both hosts say.
const LIGHT_HZ: u16 = 850;
const HEAVY_HZ: u16 = 1020;

/// Four of five calls are for the heavy host. That the light one has none of a hundred has a chance of 0.8^100, 2 in ten thousand
/// millions, and that it has forty or more one of 4 in a million; by dice without weights it has fewer in 2 of 100 runs.
const WEIGHTS: [u16; 2] = [100, 400];
const CALLS: usize = 100;
const LIGHT_MAX: usize = 39;

/// Fails when the order of the hosts is taken once and kept, or goes by the names alone, and mostly when it goes by dice without
/// weights.
#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_of_one_priority_share_the_calls_by_their_weights_and_both_are_heard() {
    let [names, light, heavy] = std::array::from_fn(|_| Host::new());
    let mut zone = Zone::default();
    for ((name, host), weight) in [("light", &light), ("heavy", &heavy)].into_iter().zip(WEIGHTS) {
        let name = format!("{name}.shared.test");
        zone = zone.srv("_sip._udp.shared.test", [10, weight, SIP_PORT], &name).address(&name, host.ip());
    }
    let dns = Dns::serve(&names, zone);
    let config = GatewayConfig::default()
        .sip(&dns.line())
        // Each call takes two pairs, and what was given back rests for a while.
        .rtp_ports(20_000, 20_999)
        .trunk_lines("name = 'shared'\nhost = 'shared.test'\ntransport = 'udp'\ncodecs = ['PCMU']")
        .rule(
            "destination = '7\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'shared', number = '$0' } }]",
        );
    let stage = Stage::with(&["PCMU"], config);
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let [at_light, at_heavy] = [(&light, LIGHT_HZ), (&heavy, HEAVY_HZ)].map(|(host, hz)| PhoneConfig {
        bind: host.at(SIP_PORT),
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        ..stage.callee(CodecId::Pcmu)
    });
    let phones = [phone(at_light).await, phone(at_heavy).await];
    let mut taken = [0; 2];
    for _ in 0..CALLS {
        let host = call(&caller, &phones, taken).await;
        taken[host] += 1;
    }
    assert!((1..=LIGHT_MAX).contains(&taken[0]), "{taken:?}");
    stage.gateway.assert_all_is_over(CALLS);
}

/// One call: gives which of the phones took it. Both ends hear each other in the first that a phone takes.
async fn call(caller: &Phone, [light, heavy]: &[Phone; 2], taken: [usize; 2]) -> usize {
    let lifted = async {
        tokio::select! {
            lifted = lift(light) => (0, lifted),
            lifted = lift(heavy) => (1, lifted),
        }
    };
    let (call, (host, lifted)) = tokio::join!(caller.call("7100"), lifted);
    let call = call.expect("an answer");
    if taken[host] == 0 {
        assert_hears(&call, [LIGHT_HZ, HEAVY_HZ][host]).await;
        assert_hears(&lifted, CALLER_HZ).await;
    }
    call.hang_up().await.expect("confirmed");
    host
}
