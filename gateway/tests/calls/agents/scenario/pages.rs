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

/// Three calls at a time between phones, of which each fourth is refused.
async fn report(stage: &Stage) -> Report {
    let text = format!(
        "[limits]\ncalls = 8\nseconds = 20\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\n\
         destination = [\"91{{call}}\", \"92{{call}}\", \"93{{call}}\", \"4{{call}}\"]\n\
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
    let stage = Stage::with(&["PCMU"], GatewayConfig::default());
    let report = report(&stage).await;
    assert_eq!((report.calls.len(), report.summary.failed), (8, 2), "{}", report.sentence());
    let folder = TempDir::new().expect("a folder for the test");
    let [single, both] = ["report.html", "compare.html"].map(|name| folder.path().join(name));
    fs::write(&single, page(&report)).expect("the folder is ours");
    fs::write(&both, compare(("one/report.json", &report), ("another/report.json", &report)))
        .expect("the folder is ours");
    // Nobody watched the gateway, so its CPU and memory are not drawn.
    assert_looks_well(&browser, &single, 7);
    assert_looks_well(&browser, &both, 7);
    let visit = browser.visit(&format!("file://{}", single.display()));
    visit.see(".verdict", &report.sentence());
    visit.see("h1", "it.toml");
}
