//! The terminal while a screen is on it: another page of it, without cursor and echo. Ctrl-C stays a signal.

use std::io::{self, Stderr};
use std::sync::{Mutex, PoisonError};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

use super::screen::Screen;

/// The terminal as it was before; `None` while no screen is on it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// A terminal with a screen on it, which is as it was when this is dropped.
pub(in crate::cli) struct Terminal(ratatui::Terminal<CrosstermBackend<Stderr>>);

impl Terminal {
    /// Takes the terminal of standard error.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stderr())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON);
        tcsetattr(io::stderr(), SetArg::TCSANOW, &silent)?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        execute!(io::stderr(), EnterAlternateScreen, Hide)?;
        ratatui::Terminal::new(CrosstermBackend::new(io::stderr())).map(Self).inspect_err(|_| leave())
    }

    /// Draws the screen anew. A terminal that is gone does not end the run.
    pub(super) fn draw(&mut self, screen: &Screen) {
        let _ = self.0.draw(|frame| screen.draw(frame));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave();
    }
}

/// Says something on standard error, where no screen is on it.
pub(in crate::cli) fn say(text: &str) {
    if BEFORE.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        eprintln!("{text}");
    }
}

/// Gives the terminal back as it was, where a screen is on it.
pub(in crate::cli) fn leave() {
    let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    // A terminal that is gone needs nothing.
    let _ = execute!(io::stderr(), Show, LeaveAlternateScreen);
    let _ = tcsetattr(io::stderr(), SetArg::TCSANOW, &before);
}
