//! A menu: prompts, then a key that says how the call goes on.
//!
//! ```text
//!            ,-- no key in time, or a key that stands for nothing, and asked too seldom yet --.
//!            v                                                                                |
//! Menu --> prompts are heard -- their end --> a key is awaited -------------------------------+
//!            |                                  |                                             |
//!            `------- a key of the menu --------+--> its actions, in place of the plan's      `--> the plan's next step
//! ```

use std::time::Instant;

use tracing::{info, warn};
use webtrunk_codecs::tone::Digit;
use webtrunk_engine::call::HearSource;
use webtrunk_engine::media::PlaybackId;

use super::call::{B2bua, Doing};
use super::effect::Directory;
use crate::routing::Menu;

/// Why a menu is asked once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    /// No key came in time.
    NoKey,
    /// A key came that it does not have.
    WrongKey,
}

/// A menu whose answer is awaited.
#[derive(Debug)]
pub(super) struct Asking {
    menu: Menu,
    /// How many more times it is asked.
    repeats_left: u32,
}

impl B2bua {
    /// The plan's step to ask.
    pub(super) fn ask(&mut self, menu: Menu, directory: &dyn Directory, now: Instant) {
        let repeats_left = menu.repeats;
        self.asking = Some(Asking { menu, repeats_left });
        self.play_menu(None, directory, now);
    }

    /// The menu's prompts have ended: the time for a key begins.
    pub(super) fn await_choice(&mut self, playback: PlaybackId, now: Instant) {
        if let Some(asking) = &self.asking {
            self.doing = Doing::Choosing { playback, until: Some(now + asking.menu.timeout) };
        }
    }

    /// A key came while a menu is asked.
    pub(super) fn choose(&mut self, key: Digit, directory: &dyn Directory, now: Instant) {
        self.hear(self.caller.leg, HearSource::Nothing);
        let chosen = self.asking.as_ref().and_then(|asking| asking.menu.choice(key));
        match chosen {
            Some(steps) => {
                // Which key it was stays out of the log: a menu may ask for a PIN.
                info!("a key of the menu");
                self.steps = steps.iter().cloned().collect();
                self.asking = None;
                self.next_step(directory, now);
            }
            None => {
                info!("a key that the menu does not have");
                self.ask_again(Missed::WrongKey, directory, now);
            }
        }
    }

    /// The menu is asked once more; where that was done often enough, the plan goes on.
    pub(super) fn ask_again(&mut self, missed: Missed, directory: &dyn Directory, now: Instant) {
        let Some(asking) = &mut self.asking else { return };
        if let Some(left) = asking.repeats_left.checked_sub(1) {
            asking.repeats_left = left;
            return self.play_menu(Some(missed), directory, now);
        }
        info!("nothing of the menu was chosen");
        self.asking = None;
        self.next_step(directory, now);
    }

    fn play_menu(&mut self, missed: Option<Missed>, directory: &dyn Directory, now: Instant) {
        let Some(Asking { menu, .. }) = &self.asking else { return };
        let said = menu.wrong.iter().filter(|_| missed == Some(Missed::WrongKey)).chain(&menu.prompts);
        let prompts: Option<Vec<_>> = said.map(|name| directory.prompt(name)).collect();
        let Some(prompts) = prompts else {
            warn!(prompts = ?menu.prompts, "there is no such prompt: the menu is passed over");
            self.asking = None;
            return self.next_step(directory, now);
        };
        self.played += 1;
        let playback = PlaybackId(self.played);
        self.doing = Doing::Choosing { playback, until: None };
        self.hear(self.caller.leg, HearSource::Prompts { prompts, is_looped: false, playback });
    }
}
