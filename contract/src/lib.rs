//! What every adapter promises, played at any of them.
//!
//! ```text
//!   FarEnd (the adapter's author) <--- protocol ---> adapter <--- Event, Command ---> Gateway (played here)
//!      ^                                                                                 |     Judge: what may follow what
//!      `-------------------------------- a scenario tells both what to do --------------'
//! ```
//!
//! An adapter's author implements [`FarEnd`] and writes `adapter_contract!(TheirFarEnd)` in a test: that makes a test of each
//! scenario, whose name says what is promised. Sockets are real, and so is time.

mod far_end;
mod gateway;
mod judge;
pub mod scenarios;
mod stage;

pub use far_end::{FarEnd, Heard};
pub use gateway::{Gateway, PATIENCE, dial};
pub use judge::{Breach, Judge};
pub use stage::{Stage, play};

/// A test of each scenario for the adapter of a [`FarEnd`].
#[macro_export]
macro_rules! adapter_contract {
    ($far_end:ty) => {
        $crate::adapter_contract! { $far_end:
            a_call_that_comes_in_is_answered_and_the_far_end_hangs_up,
            a_call_that_comes_in_is_answered_and_the_gateway_hangs_up,
            a_call_that_comes_in_is_rejected,
            a_caller_gives_up_before_the_answer,
            a_call_that_is_placed_is_answered_and_the_far_end_hangs_up,
            a_call_that_is_placed_is_answered_and_the_gateway_hangs_up,
            a_call_that_is_placed_is_rejected,
            the_gateway_gives_up_before_the_answer,
            nobody_is_called_who_is_not_there,
            the_far_end_changes_its_media,
            both_ends_hang_up_at_once,
            both_ends_change_their_media_at_once,
            an_answer_and_the_gateways_hangup_cross,
            a_far_end_that_vanishes_in_a_call_leaves_no_leg,
            a_far_end_that_vanishes_while_it_rings_leaves_no_leg,
            commands_are_taken_while_no_event_is,
            commands_for_legs_that_are_over_go_nowhere,
            what_asks_for_an_answer_gets_one,
            calls_go_on_while_new_ones_are_refused,
            a_drain_ends_every_call_once,
        }
    };
    ($far_end:ty: $($scenario:ident,)*) => {
        $(
            #[test]
            fn $scenario() {
                $crate::play($crate::scenarios::$scenario::<$far_end>);
            }
        )*
    };
}
