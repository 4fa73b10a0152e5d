//! What a terminal shows of what was written to it: as much of one as a run's screen needs.

use std::fmt;

pub(crate) const ROWS: usize = 30;
pub(crate) const COLUMNS: usize = 120;

/// The cursor is hidden behind all that is drawn at one time.
const HIDES: &str = "\x1b[?25l";

/// A page of letters, and where the next one goes.
struct Page {
    cells: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

/// What was shown, each time that something was drawn.
pub(crate) fn pages(written: &str) -> Vec<String> {
    let mut page = Page { cells: vec![vec![' '; COLUMNS]; ROWS], row: 0, column: 0 };
    let drawn = written.split(HIDES).map(|part| {
        page.take(part);
        page.to_string()
    });
    drawn.collect()
}

/// The figures behind a name, each in a box of its own, from left to right.
pub(crate) fn figures(page: &str, name: &str) -> Vec<f64> {
    let name = format!("\u{2502}{name:<11}");
    let values = page.split(&name).skip(1).filter_map(|rest| rest.split_whitespace().next());
    values.filter_map(|value| value.parse().ok()).collect()
}

impl Page {
    fn take(&mut self, written: &str) {
        let mut parts = written.split("\x1b[");
        self.write(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(part.len());
            let (values, rest) = part.split_at(end);
            let mut rest = rest.chars();
            if rest.next() == Some('H') {
                let (row, column) = values.split_once(';').unwrap_or(("1", "1"));
                let place = |text: &str| text.parse::<usize>().map_or(0, |it| it.saturating_sub(1));
                (self.row, self.column) = (place(row), place(column));
            }
            self.write(rest.as_str());
        }
    }

    fn write(&mut self, text: &str) {
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            if let Some(cell) = self.cells.get_mut(self.row).and_then(|row| row.get_mut(self.column)) {
                *cell = letter;
            }
            self.column += 1;
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.cells {
            writeln!(f, "{}", row.iter().collect::<String>())?;
        }
        Ok(())
    }
}
