//! A page whose session another one takes the place of.

use super::stage::{be_called_by, line, with_office};
use crate::support::seat::{Seat, in_each_browser};

in_each_browser!(a_page_with_the_sdk_that_another_has_replaced_is_told_stays_away_and_is_not_called);

fn a_page_with_the_sdk_that_another_has_replaced_is_told_stays_away_and_is_not_called(seat: &Seat) {
    let Some((gateway, office)) = with_office(seat, "sessions_per_user = 1") else { return };
    let first = seat.open(&gateway, "alice", &line());
    let second = seat.open(&gateway, "alice", &line());
    first.next("replaced");
    first.next("is closed");

    let (phone, _sound) = be_called_by(&office, &gateway, &second);
    assert!(first.taken("incoming").is_empty() && first.taken("registered").is_empty(), "it stays away");
    phone.go_on();
    second.next("ended");
    phone.finish();
    gateway.assert_all_is_over(1);
    gateway.stop();
}
