//! What is done through each server that may be between.

use std::time::Duration;

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::{Call, CallProgress};

use super::ear::{await_no_tone, await_tone};
use super::network::{Between, FAR_HZ, LEVEL_DBM0, Network, OFFICE_HZ};
use crate::support::gateway::PATIENCE;

const KEYS: &str = "147*0#";

/// The tests of one server.
macro_rules! through {
    ($name:ident, $between:expr, [$($cell:ident),* $(,)?]) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "make interop"]
                async fn $cell() {
                    super::$cell($between).await;
                }
            )*
        }
    };
}

through!(
    registrar,
    super::Between::Registrar,
    [
        calls_go_out_and_come_in,
        both_sides_hold_and_resume,
        keys_go_both_ways,
        early_media_is_heard_and_the_call_is_cancelled,
        a_call_of_90_seconds_is_refreshed,
    ]
);

through!(
    proxy,
    super::Between::Proxy,
    [
        calls_go_out_and_come_in,
        both_sides_hold_and_resume,
        keys_go_both_ways,
        early_media_is_heard_and_the_call_is_cancelled,
        a_call_of_90_seconds_is_refreshed,
    ]
);

through!(secure_proxy, super::Between::SecureProxy, [calls_go_out_and_come_in]);

through!(
    webtrunk,
    super::Between::Webtrunk,
    [
        calls_go_out_and_come_in,
        both_sides_hold_and_resume,
        keys_go_both_ways,
        early_media_is_heard_and_the_call_is_cancelled,
        a_call_of_90_seconds_is_refreshed,
    ]
);

async fn calls_go_out_and_come_in(between: Between) {
    let Some(network) = Network::new(between).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    office.hang_up().await.expect("confirmed");
    far.ended(PATIENCE).await.expect("an end");
    let (office, far) = network.call_in().await;
    assert_both_hear(&office, &far).await;
    far.hang_up().await.expect("confirmed");
    office.ended(PATIENCE).await.expect("an end");
    network.assert_all_is_over(2);
}

async fn both_sides_hold_and_resume(between: Between) {
    let Some(network) = Network::new(between).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    for (holder, held_hz) in [(&office, FAR_HZ), (&far, OFFICE_HZ)] {
        holder.hold().await.expect("agreed");
        // Who holds is sent nothing more, whoever else is between.
        await_no_tone(holder, held_hz.into()).await;
        holder.resume().await.expect("agreed");
        for (end, hz) in [(&office, FAR_HZ), (&far, OFFICE_HZ)] {
            await_tone(end, hz.into()).await;
        }
    }
    office.hang_up().await.expect("confirmed");
    network.assert_all_is_over(1);
}

async fn keys_go_both_ways(between: Between) {
    let Some(network) = Network::new(between).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    for (from, to) in [(&office, &far), (&far, &office)] {
        from.send_digits(KEYS).await.expect("events are agreed on");
        to.heard_digits(KEYS.len(), PATIENCE).await.expect("digits");
        assert_eq!(to.heard().await.expect("a log").digits_text(), KEYS);
    }
    office.hang_up().await.expect("confirmed");
    network.assert_all_is_over(1);
}

async fn early_media_is_heard_and_the_call_is_cancelled(between: Between) {
    let Some(network) = Network::new(between).await else { return };
    let dialling = network.office.dial(network.far_number()).await.expect("a number");
    let mut incoming =
        tokio::time::timeout(PATIENCE, network.far.next_incoming()).await.expect("in time").expect("a call");
    incoming.early_media().await.expect("a codec in common");
    let progress = dialling.ringing(PATIENCE).await.expect("progress");
    assert_eq!(progress, CallProgress::Ringing { status: 183, has_media: true });
    let deadline = std::time::Instant::now() + PATIENCE;
    let level = loop {
        let heard = dialling.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        if let Some(settled) = heard.get(8000..16_000) {
            break goertzel_dbm0(settled, SampleRate::HZ_8000, FAR_HZ.into());
        }
        assert!(std::time::Instant::now() < deadline, "{} samples were heard", heard.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
    dialling.cancel().await.expect("an end");
    incoming.ended(PATIENCE).await.expect("it is cancelled");
    network.assert_all_is_over(1);
}

/// The phones know of no session timers: the gateway refreshes both of its legs, through whatever is between.
async fn a_call_of_90_seconds_is_refreshed(between: Between) {
    let Some(network) = Network::with(between, "session_expires_s = 90").await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    tokio::time::sleep(Duration::from_secs(94)).await;
    for (end, hz) in [(&office, FAR_HZ), (&far, OFFICE_HZ)] {
        await_tone(end, hz.into()).await;
    }
    let log = network.gateway.log();
    assert!(log.count(&["session refresh is due"]) >= 2, "one for each leg");
    assert_eq!(log.count(&["refresh refused"]), 0);
    office.hang_up().await.expect("confirmed");
    far.ended(PATIENCE).await.expect("an end");
    network.assert_all_is_over(1);
}

/// Each end hears the other at its level.
async fn assert_both_hear(office: &Call, far: &Call) {
    for (end, hz) in [(office, FAR_HZ), (far, OFFICE_HZ)] {
        end.heard_packets(150, PATIENCE).await.expect("audio");
        let heard = end.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        let level = goertzel_dbm0(&heard[8000..16_000], SampleRate::HZ_8000, hz.into());
        assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz with {level:.2} dBm0");
    }
}
