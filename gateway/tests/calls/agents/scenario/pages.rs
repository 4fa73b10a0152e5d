//! The report of a load as a page, in a browser and printed.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use webtrunk_loadtest::report::{Report, compare, page};

use super::{PATIENT, play};
use crate::agents::stage::Stage;
use crate::support::browser::Browser;
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;

/// Pixels of a window on a desk, and of a sheet of A4.
const WINDOWS: [(u32, &str); 2] = [(1280, "screen"), (794, "print")];

/// Of four calls one is refused, and none.
const DESTINATIONS: [&str; 2] =
    ["[\"91{call}\", \"92{call}\", \"93{call}\", \"4{call}\"]", "[\"91{call}\", \"92{call}\"]"];

/// Three calls at a time between phones.
async fn report(destinations: &str) -> Report {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default());
    let text = format!(
        "[limits]\ncalls = 8\nseconds = 20\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\n\
         destination = {destinations}\n\
         arrival = {{ constant = 1 }}\nlength = {{ fixed = 3 }}\n{PATIENT}",
        stage.gateway.sip(),
        stage.office.at(SIP_PORT),
        stage.carrier.at(SIP_PORT),
    );
    play(&stage.gateway, &text).await
}

fn assert_looks_well(browser: &Browser, file: &Path, figures: u64) {
    let visit = browser.visit(&format!("file://{}", file.display()));
    for (width, media) in WINDOWS {
        let (found, faults) = visit.layout(width, media);
        assert!(faults.is_empty(), "{media}: {faults:#?}");
        assert_eq!(found, figures, "{media}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_and_two_beside_each_other_look_well_in_a_browser_and_printed() {
    let Some(browser) = Browser::shared() else { return };
    let (one, other) = (report(DESTINATIONS[0]).await, report(DESTINATIONS[1]).await);
    for (report, failed) in [(&one, 2), (&other, 0)] {
        assert_eq!((report.calls.len(), report.summary.failed), (8, failed), "{}", report.sentence());
    }
    let folder = TempDir::new().expect("a folder for the test");
    let [single, both] = ["report.html", "compare.html"].map(|name| folder.path().join(name));
    fs::write(&single, page(&one)).expect("the folder is ours");
    fs::write(&both, compare(("one/report.json", &one), ("another/report.json", &other)))
        .expect("the folder is ours");
    // Nobody watched the gateway, so its CPU and memory are not drawn.
    assert_looks_well(&browser, &single, 7);
    assert_looks_well(&browser, &both, 7);
    let visit = browser.visit(&format!("file://{}", single.display()));
    visit.see(".verdict", &one.sentence());
    visit.see("h1", "it.toml");
    let visit = browser.visit(&format!("file://{}", both.display()));
    visit.see("h1", "one/report.json and another/report.json");
    for (name, report) in [("one/report.json", &one), ("another/report.json", &other)] {
        visit.see("h2", name);
        visit.see(".verdict", &report.sentence());
    }
    // So many plots have curves, dots or bars of both.
    visit.see("figure:has(.a):has(.b) >> nth=6", "");
}
