//! A machine whose addresses come and go while a page and a browser by SIP talk.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use serde_json::json;
use webtrunk_loadtest::agent::{Credentials, Heard, PageMedia, Voice, WebrtcConfig};

use super::keys::Keys;
use super::page::{OTHER_HZ, assert_page_hears, assert_phone_hears, call, connected, hang_up, open, pages};
use crate::agents::stage::{CALLER_HZ, LEVEL_DBM0, lift_webrtc, webrtc};
use crate::support::gateway::{Gateway, PATIENCE, password};
use crate::support::host::Host;
use crate::support::machine::Machine;

const FIRST: &str = "10.99.0.1";
const SECOND: &str = "10.99.0.5";
/// Where pages and browsers are served, which media are not to use.
const SERVED: &str = "10.99.0.200";

/// How long media may take to go by another address: what it takes the gateway to see that one is gone, and a check.
const MOVE_MAX: Duration = Duration::from_secs(5);

/// How long the gateway may take to see it, and a caller to learn it.
const NOTICE_MAX: Duration = Duration::from_secs(8);

/// The addresses in a fragment, or a description.
fn addresses(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    lines.map(|line| line.split(' ').nth(4).and_then(|it| it.parse().ok()).expect("an address")).collect()
}

/// Fails unless all that was heard since then came from this address of ours, but for what came within `moving` of it; and
/// unless nothing was missing for longer than that.
fn assert_comes_from(heard: &Heard, address: &str, (since, moving): (SystemTime, Duration)) {
    let packets = heard.since(since).packets;
    assert!(packets.len() > 50, "{} packets", packets.len());
    let settled = packets.iter().filter(|packet| packet.at >= since + moving);
    let sources: BTreeSet<_> = settled.map(|packet| packet.from.ip()).collect();
    assert_eq!(sources, BTreeSet::from([ip(address)]));
    let times = std::iter::once(since).chain(packets.iter().map(|packet| packet.at));
    let times: Vec<_> = times.collect();
    let gaps = times.windows(2).map(|pair| pair[1].duration_since(pair[0]).unwrap_or_default());
    let longest = gaps.max().unwrap_or_default();
    assert!(longest <= moving.max(Duration::from_secs(1)), "{longest:?} without a packet");
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn an_address_that_comes_is_told_to_a_page_and_a_browser_by_sip_who_go_on_by_it_when_the_first_goes() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable(
        "office",
        &["10.99.0.200/24", "10.99.0.1/32"],
        &outside,
        &["10.99.0.2/24", "10.99.0.3/24"],
    );
    // From another machine a password is taken by TLS alone.
    let keys = Keys::new();
    let config = pages(&format!("origins = ['https://phone.example']\n{}", keys.line()))
        .origin("https://phone.example")
        .user("alice")
        .user("bob")
        .all_addresses()
        .media("candidates_deny = ['10.99.0.128/25']")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
    let gateway = inside.run(|| Gateway::start_at(Host::machine(SERVED), &config));
    let user = |name: &str, at: &str, hz: u16| WebrtcConfig {
        credentials: Credentials::new(name, &password(name)),
        media_address: Some(ip(at)),
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), name, "")
    };
    outside.block_on(async || {
        let bob = webrtc(user("bob", "10.99.0.2", OTHER_HZ)).await;
        bob.register().await.expect("the password is right");
        let mut page = open(&gateway).await;
        page.request("connect", keys.token(300, json!({}))).await.expect("a good token");
        let media = PageMedia::open(&user("alice", "10.99.0.3", CALLER_HZ)).expect("a port");
        let placed = call(&mut page, media, "bob").await;
        let lifted = lift_webrtc(&bob).await;
        connected(&mut page, &placed).await;
        assert_page_hears(&placed.media, OTHER_HZ).await;
        assert_phone_hears(&lifted, CALLER_HZ).await;
        let offer = lifted.remote_description().expect("an offer").text;
        assert_eq!(addresses(&offer), [ip(FIRST)]);
        assert!(!offer.contains("a=end-of-candidates"), "there may be more to come:\n{offer}");

        for heard in [placed.media.heard().await, lifted.heard().await] {
            let sources: BTreeSet<_> =
                heard.expect("a log").packets.iter().map(|packet| packet.from.ip()).collect();
            assert_eq!(sources, BTreeSet::from([ip(FIRST)]));
        }

        for come in ["10.99.0.201/32", "10.99.0.5/32"] {
            inside.ip(&format!("address add {come} dev office"));
        }
        let told = page.event("candidates", NOTICE_MAX).await.expect("the address is seen");
        assert_eq!(told["callId"], placed.call_id.as_str());
        let told = told["fragment"].as_str().expect("a fragment").to_owned();
        assert_eq!(addresses(&told), [ip(FIRST), ip(SECOND)]);
        placed.media.take_candidates(&told);
        let told_by_sip = async {
            while lifted.told_fragments().is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(NOTICE_MAX, told_by_sip).await.expect("INFO comes");
        let told: Vec<_> = lifted.told_fragments().iter().map(|told| addresses(told)).collect();
        assert_eq!(told, [[ip(FIRST), ip(SECOND)]]);

        let gone_at = SystemTime::now();
        inside.ip("address del 10.99.0.1/32 dev office");
        assert_page_hears(&placed.media, OTHER_HZ).await;
        assert_phone_hears(&lifted, CALLER_HZ).await;
        gateway.log().wait_for(&["browsers are not told of an address any more"], NOTICE_MAX);
        tokio::time::sleep(MOVE_MAX).await;
        assert_page_hears(&placed.media, OTHER_HZ).await;
        assert_phone_hears(&lifted, CALLER_HZ).await;
        for heard in [placed.media.heard().await, lifted.heard().await] {
            assert_comes_from(&heard.expect("a log"), SECOND, (gone_at, MOVE_MAX));
        }

        lifted.hold().await.expect("agreed");
        let answer = lifted.remote_description().expect("an answer").text;
        assert_eq!(addresses(&answer), [ip(SECOND)], "what went is not told");
        hang_up(&mut page, placed).await;
        lifted.ended(PATIENCE).await.expect("bob is told");
        let media = PageMedia::open(&user("alice", "10.99.0.3", CALLER_HZ)).expect("a port");
        let placed = call(&mut page, media, "bob").await;
        let lifted = lift_webrtc(&bob).await;
        connected(&mut page, &placed).await;
        let offer = lifted.remote_description().expect("an offer").text;
        assert_eq!(addresses(&offer), [ip(SECOND)]);
        assert_page_hears(&placed.media, OTHER_HZ).await;
        hang_up(&mut page, placed).await;
    });
    inside.run(|| gateway.assert_all_is_over(2));
}
