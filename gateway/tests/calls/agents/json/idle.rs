//! Many pages that do nothing: what each costs.

use webtrunk_loadtest::load::ProcessMeter;

use super::page::{connect, stage_with};

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
    page.request("ping", serde_json::json!({})).await.expect("it is served");
}
