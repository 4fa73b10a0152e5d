//! Many pages that do nothing: what each costs.

use std::time::Instant;

use serde_json::json;
use webtrunk_loadtest::load::ProcessMeter;

use super::page::{OTHER_HZ, answer, assert_page_hears, call, connect, connected, media, pages, stage_with};
use crate::agents::stage::{CALLER_HZ, Stage};
use crate::support::gateway::PATIENCE;

/// Pages that are connected at one time.
const PAGES: usize = 500;

/// What one may cost in resident memory. A WebSocket of actix-web has buffers of 32 KiB, its task and its session.
const PER_PAGE_KIB: f64 = 64.0;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_idle_pages_cost_little_and_give_it_back_to_those_who_come() {
    let stage = stage_with("sessions_per_user = 1000\nresume_s = 0");
    let meter = ProcessMeter::new(stage.gateway.process.id()).expect("it runs and is ours");
    let (first, _) = connect(&stage.gateway, "alice").await;
    let before = meter.read().expect("it runs").rss_kib;
    let mut pages = vec![first];
    for _ in 1..PAGES {
        pages.push(connect(&stage.gateway, "alice").await.0);
    }
    let each = (meter.read().expect("it runs").rss_kib - before) / PAGES as f64;
    eprintln!("{each:.1} KiB for each of {PAGES} idle pages");
    assert!(each < PER_PAGE_KIB, "{each:.1} KiB each");
    pages.clear();
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    page.request("ping", json!({})).await.expect("it is served");
}

/// Pages that are idle while others call, and calls between two pages each.
const IDLE: usize = 1000;
const CALLS: usize = 50;

/// Keys that each call has pressed.
const KEYS: usize = 20;

/// What `make pages` measures: memory of idle sessions, and how long what one page does takes to be told to another.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "make pages"]
async fn a_thousand_pages_wait_while_a_hundred_call_and_are_told_at_once() {
    let rule = "destination = 'p\\d+'\nactions = [{ bridge = { user = '$0' } }]";
    let users = (0..CALLS).flat_map(|n| [format!("c{n}"), format!("p{n}")]);
    let config = pages("sessions_per_user = 1000").defence("max_cps = 1000").rule(rule);
    let stage = Stage::with(&["PCMU"], users.fold(config, |config, user| config.user(&user)));
    let meter = ProcessMeter::new(stage.gateway.process.id()).expect("it runs and is ours");
    let (first, _) = connect(&stage.gateway, "alice").await;
    let before = meter.read().expect("it runs").rss_kib;
    let mut idle = vec![first];
    for _ in 1..IDLE {
        idle.push(connect(&stage.gateway, "alice").await.0);
    }
    let idle_kib = meter.read().expect("it runs").rss_kib;
    let each = (idle_kib - before) / IDLE as f64;
    let mut calls = Vec::new();
    for n in 0..CALLS {
        let (mut caller, _) = connect(&stage.gateway, &format!("c{n}")).await;
        let (mut callee, _) = connect(&stage.gateway, &format!("p{n}")).await;
        let placed = call(&mut caller, media(&stage, CALLER_HZ), &format!("p{n}")).await;
        let taken = answer(&mut callee, media(&stage, OTHER_HZ)).await;
        connected(&mut caller, &placed).await;
        calls.push((caller, placed, callee, taken));
    }
    let calling = (meter.read().expect("it runs").rss_kib - idle_kib) / (2 * CALLS) as f64;
    let mut took = Vec::new();
    for _ in 0..KEYS {
        for (caller, placed, callee, _) in &mut calls {
            let pressed = json!({ "callId": placed.call_id, "digits": "5" });
            let begun = Instant::now();
            let (sent, told) =
                tokio::join!(caller.request("sendDtmf", pressed), callee.event("dtmf", PATIENCE));
            took.push(begun.elapsed());
            sent.and(told).expect("the call is up");
        }
    }
    took.sort_unstable();
    let per_mille = |share: usize| took[took.len() * share / 1000];
    let (median, late) = (per_mille(500), per_mille(990));
    eprintln!(
        "{each:.1} KiB for each of {IDLE} idle pages, {calling:.1} for each of {} that talk, its call's media with it; of {} events half came within {median:?}, 99 % within {late:?}",
        2 * CALLS,
        took.len()
    );
    assert!(each < PER_PAGE_KIB, "{each:.1} KiB each");
    let (_, placed, _, taken) = &calls[0];
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_page_hears(&taken.media, CALLER_HZ).await;
}
