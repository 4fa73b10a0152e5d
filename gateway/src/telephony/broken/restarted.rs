//! A fault of ours that is one of an adapter as a whole: it is started again, and the other goes on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tracing::Dispatch;
use webtrunk_loadtest::agent::{Call, Direction, Heard, JsonPage, PageMedia, Trust, Voice, WebrtcConfig};

use super::{PASSWORD, PATIENCE, Scene, assert_hear, talk, with_faults};

/// Longer than this nothing may be missing of what goes on. Chosen by us: fifty packets, for a machine that does much else; what is
/// lost is silent for good.
const GAP_MAX: Duration = Duration::from_secs(1);

/// A page's call to the echo.
struct Placed {
    id: String,
    media: PageMedia,
}

async fn come(scene: &Scene) -> JsonPage {
    let url = format!("ws://{}/api/v1", scene.http);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut page = JsonPage::open(&url, &Trust::default(), None).await.expect("it is served");
        let proof = json!({ "kind": "password", "user": "alice", "password": PASSWORD });
        if page.request("connect", json!({ "proof": proof })).await.is_ok() {
            return page;
        }
        // The adapter is not there yet.
        assert!(tokio::time::Instant::now() < deadline, "it is started again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn call(page: &mut JsonPage) -> Placed {
    let config = WebrtcConfig {
        media_address: Some([127, 0, 0, 1].into()),
        voice: Some(Voice::tone(440, -10.0)),
        ..WebrtcConfig::new("", "alice", "")
    };
    let media = PageMedia::open(&config).expect("a port");
    let sdp = media.offer(Direction::SendRecv).await.expect("an offer");
    let placed = page.request("call", json!({ "to": "echo", "sdp": sdp })).await.expect("it is placed");
    let id = placed["callId"].as_str().expect("a name").to_owned();
    let told = page.event("connected", PATIENCE).await.expect("an answer");
    media.accept(told["sdp"].as_str().expect("a description")).await.expect("a codec in common");
    media.ready(PATIENCE).await.expect("a path");
    media.heard_packets(50, PATIENCE).await.expect("its echo");
    Placed { id, media }
}

async fn hang_up(page: &mut JsonPage, placed: Placed) {
    page.request("hangup", json!({ "callId": placed.id })).await.expect("it is there");
    page.event("ended", PATIENCE).await.expect("its end");
    placed.media.close();
}

/// The longest time in which nothing was heard.
fn gap(heard: &Heard) -> Duration {
    let pairs = heard.packets.windows(2);
    let gaps = pairs.map(|pair| pair[1].at.duration_since(pair[0].at).unwrap_or_default());
    gaps.max().expect("something was heard")
}

/// Another three seconds of it, and nothing is missing of all of it.
async fn assert_unbroken(calls: &[[Call; 2]]) {
    for end in calls.iter().flatten() {
        let so_far = end.heard().await.expect("it goes on").packets.len();
        end.heard_packets(so_far + 150, PATIENCE).await.expect("audio");
        let gap = gap(&end.heard().await.expect("it goes on"));
        assert!(gap < GAP_MAX, "nothing was heard for {gap:?}");
    }
}

/// How many calls ended by a fault of ours, and how many otherwise.
fn ends(told: &[(String, String, bool)]) -> (usize, usize) {
    let is_fault =
        |(cause, by, _): &&(String, String, bool)| (&**cause, &**by) == ("internal_error", "Gateway");
    let faults = told.iter().filter(is_fault).count();
    (faults, told.len() - faults)
}

#[test]
fn the_json_api_that_breaks_is_started_again_and_sip_calls_do_not_notice() {
    actix::System::new().block_on(async {
        let (subscriber, [at_call, at_giving_up]) =
            with_faults(["page calls", "a fault of ours ends the session"]);
        // As long as there is one alone, a thread that has none decides for all whether a line is of interest.
        let _another = Dispatch::new(tracing_subscriber::registry());
        // The gateway's signalling runs on this thread.
        let _logged = tracing::subscriber::set_default(subscriber);
        let scene = Scene::new().await;
        let mut page = come(&scene).await;
        let lost = call(&mut page).await;

        // What one request breaks is the session's; what its end breaks is the adapter's.
        [&at_call, &at_giving_up].into_iter().for_each(|fault| fault.store(1, Ordering::Relaxed));
        let sdp = lost.media.offer(Direction::SendRecv).await.expect("an offer");
        page.request("call", json!({ "to": "echo", "sdp": sdp })).await.expect_err("it is cut off");
        assert_eq!(at_giving_up.load(Ordering::Relaxed), 0, "it broke");

        let mut page = come(&scene).await;
        let placed = call(&mut page).await;
        assert_unbroken(&scene.calls).await;
        let counts: Vec<_> = scene.telephony.restarts.counts().collect();
        assert_eq!(counts, [("json", 1), ("sip", 0)]);
        assert_eq!(scene.telephony.board.legs(), 9, "the lost call is over inside too");
        hang_up(&mut page, placed).await;
        let told = scene.records().await;
        assert_eq!(ends(&told), (1, 5), "{told:?}");
    });
}

#[test]
fn sip_that_breaks_is_started_again_its_peers_get_bye_and_pages_do_not_notice() {
    actix::System::new().block_on(async {
        let (subscriber, [at_end, at_giving_up]) = with_faults(["leg ended", "a fault of ours ends the leg"]);
        let _another = Dispatch::new(tracing_subscriber::registry());
        let _logged = tracing::subscriber::set_default(subscriber);
        let mut scene = Scene::new().await;
        let mut page = come(&scene).await;
        let placed = call(&mut page).await;

        // What breaks in a leg is the leg's, and what breaks while that is given up is given up once more.
        at_end.store(1, Ordering::Relaxed);
        at_giving_up.store(2, Ordering::Relaxed);
        let lost = std::mem::take(&mut scene.calls);
        // It breaks while it takes this BYE.
        let _ = lost[0][0].hang_up().await;
        for end in lost.iter().flatten().skip(1) {
            end.ended(PATIENCE).await.expect("BYE");
        }
        assert_eq!(at_giving_up.load(Ordering::Relaxed), 0, "it broke");

        scene.calls.push(talk(&scene.caller, &scene.callee).await);
        assert_hear(&scene.calls[0], 100).await;
        let heard = gap(&placed.media.heard().await.expect("it goes on"));
        assert!(heard < GAP_MAX, "nothing was heard for {heard:?}");
        let counts: Vec<_> = scene.telephony.restarts.counts().collect();
        assert_eq!(counts, [("json", 0), ("sip", 1)]);
        assert_eq!(scene.telephony.board.legs(), 3, "the lost calls are over inside too");
        hang_up(&mut page, placed).await;
        let told = scene.records().await;
        assert_eq!(ends(&told), (4, 2), "{told:?}");
    });
}
