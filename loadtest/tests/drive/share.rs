//! A share of a scenario, as one of several load testers plays it.

use std::path::Path;

use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::scenario::{Scenario, Share};

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::free_address;

/// Of three callers and three numbers it has the first and the third of both.
#[tokio::test(flavor = "multi_thread")]
async fn callers_and_destinations_that_are_listed_go_together_in_a_share() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 20\nsetup_seconds = 10\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 3\n\
         [[agents]]\nname = \"phone\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{phone}\"\n\
         [[traffic]]\nfrom = \"callers\"\nto = \"phone\"\n\
         destination = [\"7{{call}}\", \"8{{call}}\", \"9{{call}}\"]\n\
         arrival = {{ constant = 10 }}\nlength = {{ fixed = 2 }}\n",
        gateway.address(),
    );
    let whole = Scenario::parse(Path::new("test.toml"), &text);
    let mut scenario = whole.unwrap_or_else(|error| panic!("{error}"));
    scenario.share = Share { index: 0, of: 2 };
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!(report.summary.failed, 0, "{:?}", report.summary.causes);
    let dialled: Vec<_> = report.calls.iter().map(|it| (it.call, it.destination.as_str())).collect();
    assert_eq!(dialled, [(0, "700000"), (2, "900002"), (4, "700004"), (6, "900006")]);
}
