//! What is seen of a run while it goes on: a screen on a terminal, lines elsewhere.

mod line;
mod screen;
mod terminal;

use std::io::{self, IsTerminal};

use webtrunk_loadtest::drive::Live;
use webtrunk_loadtest::scenario::Scenario;

use self::line::Line;
use self::screen::Screen;
use self::terminal::Terminal;
pub(super) use self::terminal::{leave, say};

/// What is seen of a run.
pub(super) enum View {
    Lines(Line),
    Screen(Box<Screen>, Terminal),
}

impl View {
    /// The view for standard error; `is_plain` asks for lines on a terminal too.
    ///
    /// # Errors
    /// Where the terminal takes no screen.
    pub(super) fn open(is_plain: bool, name: &str, scenario: &Scenario) -> Result<Self, String> {
        if is_plain || !io::stderr().is_terminal() {
            return Ok(Self::Lines(Line::default()));
        }
        let terminal = Terminal::enter()
            .map_err(|error| format!("the terminal takes no screen: {error}; say --plain for lines"))?;
        Ok(Self::Screen(Box::new(Screen::new(name, scenario.calls, scenario.time)), terminal))
    }

    /// Shows what a run is like.
    pub(super) fn show(&mut self, live: &Live) {
        match self {
            Self::Lines(line) => line.tell(live),
            Self::Screen(screen, terminal) => {
                screen.note(live);
                terminal.draw(screen);
            }
        }
    }
}
