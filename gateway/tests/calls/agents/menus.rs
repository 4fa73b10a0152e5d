//! Menus by keys, of a page and of phones, in each way that keys travel.

use webtrunk_codecs::CodecId;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::{Call, CallEnd};

use super::ear::assert_hears;
use super::keys::pressing;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// What is heard at the end of a menu that nobody answers.
const END_HZ: u16 = 1200;

/// The stage with a menu at 700 for users and both trunks; its 2 leads to another, whose 5 calls the carrier, and
/// whose 6 is a tone.
fn stage() -> Stage {
    let tone =
        |hz: u16, more: &str| format!("{{ tone = {{ frequency_hz = {hz}, level_dbm0 = -10{more} }} }}");
    let inner = format!(
        "{{ menu = {{ prompts = ['announcement'], keys = {{ 5 = [{{ bridge = {{ trunk = 'carrier', number = '9100' }} \
         }}], 6 = [{}] }} }} }}",
        tone(CALLEE_HZ, "")
    );
    let actions = format!(
        "actions = ['answer', {{ menu = {{ prompts = ['announcement'], wrong = ['announcement'], timeout_s = 1, \
         repeats = 1, keys = {{ 2 = [{inner}], '*' = ['hangup'] }} }} }}, {}, 'hangup']",
        tone(END_HZ, ", duration_ms = 2000")
    );
    let config = GatewayConfig::default()
        .rule(&format!("destination = '700'\n{actions}"))
        .rule(&format!("destination = '700'\nfrom_trunk = 'office|carrier'\n{actions}"));
    Stage::with_lines(&["PCMU"], config, "dtmf = 'inband'")
}

/// How a key is pressed.
#[derive(Clone, Copy)]
enum By {
    Event,
    Info,
}

/// Presses a key once the menu is heard.
async fn press(call: &Call, key: char, by: By) {
    let so_far = call.heard().await.expect("a log").packets.len();
    call.heard_packets(so_far + 50, PATIENCE).await.expect("the menu");
    let pressed = match by {
        By::Event => call.send_digits(&key.to_string()).await,
        By::Info => call.send_info_digit(key).await,
    };
    pressed.expect("the gateway takes keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_lead_through_menus_to_a_call_and_a_wrong_one_has_the_menu_asked_again() {
    let stage = stage();
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    for by in [By::Info, By::Event] {
        let call = match by {
            By::Info => alice.call("700").await,
            By::Event => caller.call("700").await,
        };
        let call = call.expect("an answer");
        for key in ['7', '2', '5'] {
            press(&call, key, by).await;
        }
        let lifted = lift(&callee).await;
        assert_hears(&lifted, CALLER_HZ).await;
        assert_hears_lately(&call, CALLEE_HZ).await;
        call.hang_up().await.expect("confirmed");
    }
    assert_eq!(stage.gateway.log().count(&["a key that the menu does not have"]), 2);
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_chooses_by_tones_in_its_voice() {
    let stage = stage();
    let caller = phone(stage.callee(CodecId::Pcmu)).await;
    let call = caller.call("700").await.expect("an answer");
    call.heard_packets(50, PATIENCE).await.expect("the menu");
    call.say(Some(pressing("2")));
    call.heard_packets(150, PATIENCE).await.expect("the inner menu");
    call.say(Some(pressing("6")));
    assert_hears_lately(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_menu_is_asked_as_often_as_it_says_and_the_plan_goes_on() {
    let stage = stage();
    let alice = webrtc(stage.alice()).await;
    let call = alice.call("700").await.expect("an answer");
    assert!(matches!(call.ended(2 * PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    assert_last_second(&call, END_HZ).await;
    let heard = call.heard().await.expect("a log").packets.len();
    // Twice some nine seconds of announcement and one of waiting, and two of the tone.
    assert!(heard > 700, "{heard} packets");
    assert_eq!(stage.gateway.log().count(&["nothing of the menu was chosen"]), 1);
    stage.gateway.assert_all_is_over(1);
}

/// Waits for three more seconds, and fails unless a tone is heard in the last one of them.
async fn assert_hears_lately(call: &Call, hz: u16) {
    let since = call.heard().await.expect("a log").packets.len();
    call.heard_packets(since + 150, PATIENCE).await.expect("audio");
    assert_last_second(call, hz).await;
}

/// Fails unless a tone is heard in the second before the last half one.
async fn assert_last_second(call: &Call, hz: u16) {
    let rate = SampleRate::HZ_8000;
    let heard = call.heard().await.expect("a log").samples(rate);
    let last = &heard[heard.len() - rate.samples_in_ms(1500)..][..rate.samples_in_ms(1000)];
    let level = goertzel_dbm0(last, rate, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 0.5, "{hz} Hz with {level:.2} dBm0");
}
