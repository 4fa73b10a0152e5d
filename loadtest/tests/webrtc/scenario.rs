//! A scenario of browsers that call each other without a gateway between them.

use std::path::Path;

use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::scenario::Scenario;

use crate::proxy::{PASSWORD, Proxy};

/// Two calls, in each of which both ends describe themselves anew; the network of who calls loses, delays and shuffles.
#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_a_scenario_describe_themselves_anew_over_a_bad_network_and_are_heard() {
    let proxy = Proxy::start().await;
    let agents = |name: &str, role: &str, user: &str, network: &str| {
        format!(
            "[[agents]]\nname = \"{name}\"\nkind = \"webrtc\"\nrole = \"{role}\"\nmedia_address = \"127.0.0.1\"\n\
             accounts = {{ user = \"{user}\", password = \"{PASSWORD}\" }}\nnetwork = {{ {network} }}\n"
        )
    };
    let text = format!(
        "[limits]\ncalls = 2\nseconds = 30\nsetup_seconds = 15\n[target]\nsip_ws = \"{}\"\n{}{}\
         [[traffic]]\nfrom = \"browsers\"\nto = \"users\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 6 }}\n\
         steps = [{{ after = 1.5, refresh = true }}, {{ after = 3, refresh = true, by = \"answerer\" }}]\n",
        proxy.url(),
        agents(
            "browsers",
            "caller",
            "alice",
            "loss_percent = 8, delay_ms = 60, jitter_ms = 30, reorders = true"
        ),
        agents("users", "answerer", "bob", ""),
    );
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("both");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.calls.len(), report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    assert_eq!(proxy.reinvites(), 4, "one of each end of each call");
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("bob");
        assert!(verdict.to_caller.is_heard && answerer.is_heard, "{verdict:?}");
        assert_eq!(call.codec.as_deref(), Some("opus"), "{call:?}");
        assert!(answerer.dropped > 3 && answerer.reordered > 3, "{answerer:?}");
        assert!(answerer.mouth_to_ear_ms.is_some_and(|it| it > 70.0), "{answerer:?}");
        assert_eq!((verdict.to_caller.dropped, verdict.to_caller.reordered), (0, 0), "{verdict:?}");
    }
}
