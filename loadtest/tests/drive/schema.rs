//! What runs write, held against the schema that the documents have of it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use webtrunk_loadtest::report::{Ending, Report};

use crate::faulty::{Fault, FaultyGateway};
use crate::program::{once_it_says, run, said, signal};
use crate::stage::{free_address, scenario_text};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/load-report.schema.json");
const HELD_AGAINST: &str = include_str!("schema.py");

/// Two calls of three seconds with digits, of which nothing that a busy machine does is held against the target.
const SHORT: &str = "arrival = { constant = 10 }\nlength = { fixed = 3 }\nsteps = [{ after = 1.0, digits = \"12\" }]\n\
                     [thresholds]\nfaulty_percent_max = 100.0\n";
/// As many that last until somebody interrupts.
const LONG: &str =
    "arrival = { constant = 10 }\nlength = { fixed = 60 }\n[thresholds]\nfaulty_percent_max = 100.0\n";

/// A Python that knows schemas; `None` where there is none, and the test is passed over.
///
/// # Panics
/// With `WEBTRUNK_TEST_TOOLS=required`, where there is none.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("WEBTRUNK_TEST_PYTHON").map(PathBuf::from);
    let python = named.filter(|it| it.is_file()).unwrap_or_else(|| PathBuf::from("python3"));
    let knows = Command::new(&python).args(["-c", "import jsonschema_rs"]).output();
    if knows.is_ok_and(|it| it.status.success()) {
        return Some(python);
    }
    let are_required = std::env::var("WEBTRUNK_TEST_TOOLS").as_deref() == Ok("required");
    assert!(
        !are_required,
        "no test is passed over for want of tools: no jsonschema_rs of {}",
        python.display()
    );
    eprintln!("passed over: {} has no jsonschema_rs (scripts/setup test)", python.display());
    None
}

/// What of these, each by the name of its definition or of the whole, does not keep to the schema.
fn faults(python: &Path, folder: &Path, pairs: &Value) -> String {
    let file = folder.join("pairs.json");
    fs::write(&file, pairs.to_string()).expect("the folder is ours");
    let told =
        Command::new(python).args(["-c", HELD_AGAINST, SCHEMA]).arg(&file).output().expect("it is there");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8_lossy(&told.stdout).into_owned()
}

/// The file as JSON.
fn written(folder: &Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn report(written: &Value) -> Report {
    serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{error}"))
}

/// Writes a scenario of two phones before this gateway into the folder.
fn write(folder: &Path, gateway: &FaultyGateway, phone: SocketAddr, traffic: &str) {
    let text = scenario_text(gateway.address(), phone, traffic, "");
    fs::write(folder.join("scenario.toml"), text).expect("the folder is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_writes_however_it_ends_keeps_to_the_schema_in_the_documents() {
    let Some(python) = python() else { return };
    let (phone, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
    let folder = folder.path();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let own = std::process::id().to_string();
    for (name, threshold) in [("kept", ""), ("broken", "setup_p95_ms_max = 0.001")] {
        write(folder, &gateway, phone, &format!("{SHORT}{threshold}"));
        let output = run(folder, &["run", "--plain", "--pid", &own, "--report", name]).await;
        assert!(folder.join(name).join("report.json").exists(), "{}", said(&output));
    }
    write(folder, &gateway, phone, LONG);
    let (mut interrupted, _told) = once_it_says(folder, "2 up").await;
    signal(&interrupted, Signal::SIGINT);
    interrupted.wait().await.expect("it is ours");

    let [kept, broken, broken_off] =
        ["kept", "broken", "report"].map(|name| written(folder, &format!("{name}/report.json")));
    assert_eq!((report(&kept).ending, report(&kept).breaches), (Ending::Completed, vec![]));
    let names: Vec<_> = report(&broken).breaches.into_iter().map(|it| it.threshold).collect();
    assert_eq!(names, ["setup_p95_ms_max"]);
    assert_eq!((report(&broken_off).ending, report(&broken_off).calls.len()), (Ending::BrokenOff, 2));
    let told = faults(&python, folder, &json!([[null, kept], [null, broken], [null, broken_off]]));
    assert_eq!(told, "");

    // And it is no schema that everything keeps to.
    let mut other = kept;
    let figures = other.as_object_mut().expect("an object");
    figures.remove("took_s");
    figures.insert("took_ms".to_owned(), json!(1));
    let told = faults(&python, folder, &json!([[null, other]]));
    assert!(told.contains("took_s") && told.contains("took_ms"), "{told}");

    let compared = run(folder, &["compare", "kept/report.json", "broken/report.json"]).await;
    assert!(compared.status.success(), "{}", said(&compared));
}

/// The same words as in a report of one run, by which it is read.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_search_for_the_knee_writes_of_each_run_keeps_to_the_schema_of_one() {
    let Some(python) = python() else { return };
    let (phone, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
    let folder = folder.path();
    let gateway = FaultyGateway::start(phone, Fault::HasRoomForThree).await;
    let traffic =
        "arrival = { closed = 2 }\nlength = { fixed = 1.5 }\n[thresholds]\nfaulty_percent_max = 100.0";
    write(folder, &gateway, phone, traffic);
    let own = std::process::id().to_string();
    let output = run(folder, &["capacity", "--most", "2", "--tries", "1", "--pid", &own]).await;
    let written = written(folder, "capacity.json");
    let steps = written["steps"].as_array().expect("runs");
    assert!(!steps.is_empty(), "{}", said(&output));
    let mut pairs = Vec::new();
    for step in steps {
        let moments = step["curve"].as_array().expect("seconds");
        assert!(!moments.is_empty(), "{step}");
        pairs.extend(moments.iter().map(|it| json!(["Moment", it])));
        pairs.extend([json!(["Summary", step["summary"]]), json!(["Fitness", step["fitness"]])]);
    }
    assert_eq!(faults(&python, folder, &Value::from(pairs)), "");
}
