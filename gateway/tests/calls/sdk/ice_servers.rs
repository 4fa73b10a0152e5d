//! A page to which the gateway tells of a TURN server.

use super::stage::{be_called_by, line, with_office};
use crate::support::seat::{Seat, in_each_browser};

in_each_browser!(a_page_with_the_sdk_gives_its_calls_the_turn_server_that_the_gateway_tells_of);

/// The gateway can be reached straight, and at that server is nobody: the call does without.
fn a_page_with_the_sdk_gives_its_calls_the_turn_server_that_the_gateway_tells_of(seat: &Seat) {
    let entry =
        "[entry]\nice_servers = [{ urls = [\"turn:127.0.0.1:3478\"], secret = \"shared with coturn\" }]";
    let Some((gateway, office)) = with_office(seat, entry) else { return };
    let alice = seat.open(&gateway, "alice", &line());
    let (phone, _sound) = be_called_by(&office, &gateway, &alice);

    let servers = alice.ice_servers();
    let server = &servers[0];
    assert_eq!(server["urls"][0], "turn:127.0.0.1:3478", "{servers}");
    assert!(server["username"].as_str().is_some_and(|name| name.ends_with(":alice")), "{servers}");
    let password = server["credential"].as_str().expect("its password");
    assert!(password.len() >= 20, "{servers}");
    assert_eq!(gateway.log().count(&[password]), 0, "it is in no log");
    phone.go_on();
    alice.next("ended");
    phone.finish();
    assert!(alice.taken("fault").is_empty(), "nothing went wrong unasked");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
