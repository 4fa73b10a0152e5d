//! Schemathesis makes requests out of the document that describes the interface, sound ones and others, and looks whether what is
//! answered is what the document says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::back_end::BackEnd;
use crate::agents::recorded::{recording, stage_with, talk};
use crate::agents::stage::{phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;
use crate::support::tools;

/// What the store's rows are sealed by.
const STORE_KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

const SCOPES: &str = "\"calls:read\", \"calls:write\", \"registrations:read\", \"recordings:read\", \"recordings:delete\", \
    \"events\", \"users:read\", \"users:write\", \"customers:read\", \"customers:write\", \"tokens:write\", \
    \"account_passwords:read\", \"account_passwords:write\", \"logins:write\"";

/// What is looked at in each answer, and that each operation wants a key.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,wants_a_key";

/// What it does not look at by itself.
const OWN_CHECKS: &str = include_str!("fuzzed_checks.py");

/// Requests of each operation that are made by chance, besides those that go along each bound of the document.
const EXAMPLES: &str = "10";

/// How many `make rest-fuzz` wants instead.
const WANTED: &str = "WEBTRUNK_REST_EXAMPLES";

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "what was made is told to who asks for more of it")]
async fn requests_that_are_made_of_the_document_are_answered_as_it_says_and_none_by_a_fault_of_ours() {
    let Some(python) = tools::command_by("WEBTRUNK_TEST_PYTHON", "python3") else { return };
    let Some(schemathesis) = tools::path(&python.with_file_name("schemathesis"), "run scripts/setup test")
    else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let recordings = folder.path().join("recordings");
    fs::create_dir(&recordings).expect("our folder");
    let (own, acme) = (BackEnd::new("own"), BackEnd::new("acme-crm"));
    let entries = own.entry(SCOPES, "") + &acme.entry(SCOPES, "customer = 'acme'");
    // As the default has it: requests that are none are no fault of ours.
    let config = GatewayConfig::default()
        .log_filter("info,actix_http=off")
        .store(&folder.path().join("w.db"))
        .store_key("WEBTRUNK_TEST_STORE_KEY", STORE_KEY)
        .sections(&format!(
            "[json]\npasswords = true\n[entry]\nephemeral_keys = [{{ id = \"edge\", secret = \"north wind and sun\" }}]\n\
             [entry.logins]\n[rest]\nrequests_per_minute = 1000000\n{entries}"
        ));
    let stage = stage_with(config, &recordings);
    let gateway = &stage.gateway;
    // A call that goes on, one that is over, and somebody of a customer of the store, so that there is something to ask for.
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    call.heard_packets(50, PATIENCE).await.expect("audio");
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let name =
        || own.ask(gateway, "GET", "/recordings", None).1["items"][0]["name"].as_str().map(str::to_owned);
    assert!(wait_until(PATIENCE, || name().is_some()), "{}", recording(&recordings, "wav").display());
    let going_on = talk(&alice, &callee, "wav").await;
    let running = own.ask(gateway, "GET", "/calls?state=running", None).1["items"][0]["id"].clone();
    for (path, body) in [("/customers", json!({"name": "acme"})), ("/users", json!({"name": "acme+bob"}))] {
        assert_eq!(own.ask(gateway, "POST", path, Some(&body)).0, 201);
    }
    let known = [
        ("/calls/{id}", "id", running.as_str().expect("a name")),
        ("/calls/{id}/hold", "id", running.as_str().expect("a name")),
        ("/calls/{id}/mute", "id", running.as_str().expect("a name")),
        ("/recordings/{id}", "id", &name().expect("it is told")),
        ("/users/{name}", "name", "acme+bob"),
        ("/users/{name}/upstream", "name", "acme+bob"),
        ("/customers/{name}", "name", "acme"),
    ];
    let examples = std::env::var(WANTED).unwrap_or_else(|_| EXAMPLES.to_owned());
    for (who, known) in [(&own, &known[..]), (&acme, &[])] {
        let told = run(&schemathesis, folder.path(), &examples, &gateway.http_authority(), &who.key, known);
        println!("{told}");
    }
    drop(going_on);
    assert_eq!(own.ask(gateway, "GET", "/calls", None).0, 200);
    let faults = gateway.log().count(&["\"level\":\"ERROR\""]) + gateway.log().count(&["panicked"]);
    assert_eq!(faults, 0, "{}", gateway.log().lines().join("\n"));
}

/// Runs it with a key; what is `known` is asked for by name, but not removed.
fn run(
    schemathesis: &Path,
    folder: &Path,
    examples: &str,
    authority: &str,
    key: &str,
    known: &[(&str, &str, &str)],
) -> String {
    let entry = |(path, parameter, value): &(&str, &str, &str)| {
        format!(
            "[[operations]]\ninclude-path = \"{path}\"\nexclude-method = \"DELETE\"\nparameters = {{ {parameter} = \"{value}\" }}\n"
        )
    };
    let settings = folder.join("schemathesis.toml");
    let text = format!("hooks = \"fuzzed_checks.py\"\n{}", known.iter().map(entry).collect::<String>());
    fs::write(&settings, text).expect("our folder");
    fs::write(folder.join("fuzzed_checks.py"), OWN_CHECKS).expect("our folder");
    let output = Command::new(schemathesis)
        .current_dir(folder)
        .arg("--config-file")
        .arg(&settings)
        .args(["--no-color", "run", &format!("http://{authority}/api/v1/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {key}"), "--checks", CHECKS])
        // It has no end.
        .args(["--exclude-path", "/events"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", examples, "--seed", "1"])
        .args(["--generation-database", "none", "--request-timeout", "30"])
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    told
}
