//! How long a call of a page takes from its wish to the first sound that is heard, by our SDK and by JsSIP in turn.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Phone;

use super::stage::{PAGE_HZ, PAGE_PEAK};
use crate::agents::stage::{Stage, phone};
use crate::support::browser::Browser;
use crate::support::gateway::GatewayConfig;
use crate::support::page::{Library, LineConfig, Microphone, Page};

/// Calls of each library that count; those before them warm the page up.
const CALLS: usize = 30;
const WARM: usize = 3;

/// What half of the calls by the SDK may take.
const MEDIAN_MAX_MS: f64 = 300.0;

/// Lifts at once, whoever calls, and talks.
async fn lift_all(callee: Phone) {
    let mut talks = Vec::new();
    while let Ok(incoming) = callee.next_incoming().await {
        talks.push(incoming.answer().await.expect("a codec in common"));
    }
}

fn page(browser: &Browser, stage: &Stage, library: Library, user: &str) -> Page {
    let page = browser.open();
    let microphone = Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK };
    page.register(&stage.gateway, user, &LineConfig { library, microphone, ..LineConfig::default() });
    page.open_set_up();
    page
}

fn median(times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [times[0], times[times.len() / 2], times[times.len() - 1]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make pages"]
async fn half_of_the_calls_by_the_sdk_are_heard_within_300_ms_beside_those_by_jssip() {
    let Some(browser) = Browser::shared() else { return };
    let json = format!("[json]\npasswords = true\norigins = [{:?}]", browser.origin());
    let config = GatewayConfig::default().origin(browser.origin()).user("bob").sections(&json);
    // Ports rest for a while before they are given to another.
    let config = config.rtp_ports(20_000, 20_399);
    let stage = Stage::with(&["PCMU"], config);
    tokio::spawn(lift_all(phone(stage.callee(CodecId::Pcmu)).await));
    let pages = [(Library::Webtrunk, "alice"), (Library::Jssip, "bob")]
        .map(|(library, user)| page(&browser, &stage, library, user));
    let mut times = [Vec::new(), Vec::new()];
    for call in 0..WARM + CALLS {
        for (page, times) in pages.iter().zip(&mut times) {
            let took = page.set_up("9100");
            page.hangup();
            page.next("ended");
            if call >= WARM {
                times.push(took);
            }
        }
    }
    let [own, other] = times.each_mut().map(|times| median(times));
    for (name, [least, median, most]) in [("the SDK", own), ("JsSIP", other)] {
        eprintln!(
            "{name}: half of {CALLS} calls are heard within {median:.0} ms; {least:.0} to {most:.0} ms"
        );
    }
    assert!(own[1] < MEDIAN_MAX_MS, "{own:?}");
    stage.gateway.assert_all_is_over(2 * (WARM + CALLS));
}
