//! The contract of adapters, played at all of ours: SIP, the JSON API and the example.

mod broken;
#[path = "../../../examples/adapter/echo.rs"]
mod echo;
mod echo_phone;
mod json_page;
mod sip_peer;

use webtrunk_signalling::auth::digest::{Algorithm, Credentials, Ha1};

mod of_echo {
    webtrunk_contract::adapter_contract!(crate::echo_phone::EchoPhone);
}

mod of_json {
    webtrunk_contract::adapter_contract!(crate::json_page::JsonPage);
}

mod of_sip {
    webtrunk_contract::adapter_contract!(crate::sip_peer::SipPeer);
}

#[test]
fn the_code_in_the_documents_is_that_of_the_example() {
    let (document, own) = (include_str!("../../../docs/ADAPTERS.md"), include_str!("main.rs"));
    let sources = [include_str!("../../../examples/adapter/echo.rs"), own];
    let blocks: Vec<_> =
        document.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 6, "the document was found");
    for block in blocks {
        assert!(sources.iter().any(|source| source.contains(block)), "nowhere is:\n{block}");
    }
}

/// What the adapters' far ends are let in by.
struct Users;

const REALM: &str = "webtrunk.test";
const PASSWORD: &str = "wonderland";

impl Credentials for Users {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "alice").then(|| Ha1::new(algorithm, user, realm, PASSWORD))
    }
}
