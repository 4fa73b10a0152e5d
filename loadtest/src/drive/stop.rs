//! Whether a run goes on, and why it does not.

use tokio::sync::watch;

/// Whether a run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Stop {
    /// It goes on.
    #[default]
    Going,
    /// Who runs it wants no more: calls are ended, and the report is written.
    BrokenOff,
    /// The target says nothing any more; what the last call was told.
    Vanished(String),
    /// The load tester itself broke, for this reason.
    Broken(String),
}

impl Stop {
    /// Has no more calls begin, and those that are up end, for this reason where there is none yet.
    pub fn tell(self, stopper: &watch::Sender<Self>) {
        stopper.send_if_modified(|stop| {
            let is_going = *stop == Self::Going;
            if is_going {
                *stop = self;
            }
            is_going
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_for_the_first_reason() {
        let stopper = watch::Sender::new(Stop::Going);
        Stop::Broken("no room".to_owned()).tell(&stopper);
        Stop::BrokenOff.tell(&stopper);
        assert_eq!(*stopper.borrow(), Stop::Broken("no room".to_owned()));
    }
}
