//! By which speaker a page with the SDK is heard, as who sits before it hears it.

use super::stage::{PAGE_HZ, PAGE_PEAK};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::page::{Library, LineConfig, Microphone};
use crate::support::process::wait_until;
use crate::support::seat::Seat;
use crate::support::speakers::{Speaker, Speakers};

/// A tone that is fainter is not heard, in dB.
const UNHEARD_DB: f64 = -60.0;

/// The gateway sends back what the page says.
#[test]
fn a_page_with_the_sdk_is_heard_by_the_speaker_that_it_chooses_and_by_the_usual_one_when_that_is_pulled_out()
{
    let Some(speakers) = Speakers::start() else { return };
    let [desk, headset] = ["Desk", "Headset"].map(|name| speakers.plug(name));
    desk.make_usual();
    let Some(seat) = Seat::by_speakers(&speakers) else { return };
    let config = GatewayConfig::default()
        .origin(seat.browser().origin())
        .sections(&seat.json())
        .user("alice")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start_at(seat.host(), &config);
    let line = LineConfig {
        microphone: Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK },
        library: Library::Webtrunk,
        plays: true,
        ..LineConfig::default()
    };
    let alice = seat.open(&gateway, "alice", &line);
    assert_eq!(alice.speakers(), ["Default", "Desk", "Headset"]);

    // One that is chosen before the call, and others in it.
    alice.choose_speaker("Headset");
    alice.call_through("9196");
    assert_plays(&headset, &desk);
    alice.choose_speaker("");
    assert_plays(&desk, &headset);
    alice.choose_speaker("Headset");
    assert_plays(&headset, &desk);

    // Nothing but a list makes a browser look for speakers where the system does not tell it of them.
    headset.unplug();
    assert_eq!(alice.speakers(), ["Default", "Desk"]);
    assert_eq!(alice.next("unplugged")["what"], "speaker");
    let headset = speakers.plug("Headset");
    assert_plays(&desk, &headset);
    alice.hangup();
    assert_eq!(alice.next("ended")["cause"], "hangup");

    // It is not chosen any more, though it is back.
    assert_eq!(alice.speakers(), ["Default", "Desk", "Headset"]);
    alice.call_through("9196");
    assert_plays(&desk, &headset);
    alice.hangup();
    assert_eq!(alice.next("ended")["cause"], "hangup");
    assert!(alice.taken("fault").is_empty(), "nothing went wrong unasked");
    gateway.assert_all_is_over(2);
    gateway.stop();
}

/// Fails unless the page comes to be heard by the one speaker, as loud as it is at the page, and then not by the other.
fn assert_plays(one: &Speaker<'_>, other: &Speaker<'_>) {
    let mut told = Ok(());
    let is_heard = wait_until(PATIENCE, || {
        told = one.listen(0.5).expect_tone(PAGE_HZ, PAGE_PEAK, 1.0);
        told.is_ok()
    });
    assert!(is_heard, "{told:?}");
    let level = other.listen(0.5).level_at(PAGE_HZ);
    assert!(level < UNHEARD_DB, "the other speaker plays {PAGE_HZ} Hz at {level:.1} dB");
}
