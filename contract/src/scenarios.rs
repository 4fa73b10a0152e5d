//! What is promised, a scenario each. All of them end by a drain, after which nothing may be owed.

mod glare;
mod incoming;
mod loss;
mod order;
mod outgoing;

pub use glare::{
    an_answer_and_the_gateways_hangup_cross, both_ends_change_their_media_at_once, both_ends_hang_up_at_once,
    the_far_end_changes_its_media,
};
pub use incoming::{
    a_call_that_comes_in_is_answered_and_the_far_end_hangs_up,
    a_call_that_comes_in_is_answered_and_the_gateway_hangs_up, a_call_that_comes_in_is_rejected,
    a_caller_gives_up_before_the_answer,
};
pub use loss::{
    a_far_end_that_vanishes_in_a_call_leaves_no_leg, a_far_end_that_vanishes_while_it_rings_leaves_no_leg,
    commands_are_taken_while_no_event_is,
};
pub use order::{
    a_drain_ends_every_call_once, calls_go_on_while_new_ones_are_refused,
    commands_for_legs_that_are_over_go_nowhere, what_asks_for_an_answer_gets_one,
};
pub use outgoing::{
    a_call_that_is_placed_is_answered_and_the_far_end_hangs_up,
    a_call_that_is_placed_is_answered_and_the_gateway_hangs_up, a_call_that_is_placed_is_rejected,
    nobody_is_called_who_is_not_there, the_gateway_gives_up_before_the_answer,
};
