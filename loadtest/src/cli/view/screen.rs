//! A run on one screen: calls, their quality, what went wrong, and both machines.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table};
use webtrunk_loadtest::drive::Live;
use webtrunk_loadtest::verdict::LATE_PERCENT_MAX;

/// Seconds that the curves hold: as many as a wide terminal has columns.
const KEPT: usize = 300;

/// Of calls that went as they were to.
const GOOD: &str = "ok";

/// What is shown.
pub(in crate::cli) struct Screen {
    name: String,
    calls_max: usize,
    time: Duration,
    live: Live,
    /// Calls that were up, each second, the newest first.
    up: Vec<u64>,
    /// Calls that began, likewise.
    begun: Vec<u64>,
}

impl Screen {
    /// The screen of a run by a scenario, which begins at most so many calls, within so much time.
    pub(super) fn new(name: &str, calls_max: usize, time: Duration) -> Self {
        Self {
            name: name.to_owned(),
            calls_max,
            time,
            live: Live::default(),
            up: Vec::new(),
            begun: Vec::new(),
        }
    }

    /// Takes what the run is like after another second.
    pub(super) fn note(&mut self, live: &Live) {
        let newest = |values: &mut Vec<u64>, value: usize| {
            values.insert(0, value as u64);
            values.truncate(KEPT);
        };
        newest(&mut self.begun, live.begun.saturating_sub(self.live.begun));
        newest(&mut self.up, live.up);
        self.live = live.clone();
    }

    /// Draws it.
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let [title, figures, curves, causes, help] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(6),
            Constraint::Length(7),
            Constraint::Min(4),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let at_s = self.live.moment.as_ref().map_or(0.0, |moment| moment.at_s);
        let clock = format!(" {} of {} s in which calls begin", at_s.round(), self.time.as_secs());
        frame.render_widget(Line::from(vec![Span::from(self.name.as_str()).bold(), clock.into()]), title);
        let areas = Layout::horizontal([Constraint::Fill(1); 4]).areas::<4>(figures);
        for (block, area) in [self.calls(), self.quality(), self.own(), self.target()].into_iter().zip(areas)
        {
            block.draw(frame, area);
        }
        let [up, begun] = Layout::horizontal([Constraint::Fill(1); 2]).areas(curves);
        curve(frame, up, "calls up", &self.up);
        curve(frame, begun, "calls begun a second", &self.begun);
        self.draw_causes(frame, causes);
        let hint = if self.live.is_ending {
            Line::from("all calls are being ended; Ctrl-C leaves them as they are").yellow()
        } else {
            Line::from("Ctrl-C ends all calls and writes the report").dim()
        };
        frame.render_widget(hint, help);
    }

    fn calls(&self) -> Figures {
        let begun_last = self.begun.first().copied().unwrap_or_default();
        Figures::new(
            "Calls",
            [
                ("begun", format!("{} of {}", self.live.begun, self.calls_max)),
                ("a second", begun_last.to_string()),
                ("ringing", self.live.ringing.to_string()),
                ("up", self.live.up.to_string()),
            ],
        )
    }

    fn quality(&self) -> Figures {
        Figures::new(
            "Quality",
            [
                ("set-up p50", figure(self.live.setup_p50_ms, 0, " ms")),
                ("set-up p99", figure(self.live.setup_p99_ms, 0, " ms")),
                ("MOS p50", figure(self.live.mos_p50, 2, "")),
                ("loss", format!("{:.2} %", self.live.loss_percent)),
            ],
        )
    }

    /// How the load tester itself does.
    fn own(&self) -> Figures {
        let is_fit = self.live.late_percent <= LATE_PERCENT_MAX;
        let cpu = self.live.moment.as_ref().map(|moment| moment.own_cpu_percent);
        let mut figures = Figures::new(
            "Load tester",
            [
                ("health", if is_fit { "on time" } else { "LATE" }.to_owned()),
                ("late", format!("{:.2} %", self.live.late_percent)),
                ("CPU", figure(cpu, 0, " %")),
                ("", String::new()),
            ],
        );
        figures.color = if is_fit { Color::Green } else { Color::Red };
        figures
    }

    fn target(&self) -> Figures {
        let moment = self.live.moment.as_ref();
        Figures::new(
            "Target",
            [
                ("CPU", figure(moment.and_then(|moment| moment.target_cpu_percent), 0, " %")),
                ("memory", figure(moment.and_then(|moment| moment.target_rss_mib), 1, " MiB")),
                ("", String::new()),
                ("", String::new()),
            ],
        )
    }

    fn draw_causes(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut causes: Vec<_> = self.live.over.iter().collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let rows = causes.into_iter().map(|(cause, count)| {
            let color = if cause == GOOD { Color::Green } else { Color::Red };
            Row::new([count.to_string(), cause.clone()]).style(Style::new().fg(color))
        });
        let table = Table::new(rows, [Constraint::Length(9), Constraint::Fill(1)]);
        frame.render_widget(
            table.block(Block::bordered().title("Calls that are over, by what came of them")),
            area,
        );
    }
}

/// A box of figures with their names.
struct Figures {
    title: &'static str,
    rows: [(&'static str, String); 4],
    color: Color,
}

impl Figures {
    const fn new(title: &'static str, rows: [(&'static str, String); 4]) -> Self {
        Self { title, rows, color: Color::Reset }
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect) {
        let lines = self.rows.iter().map(|(name, value)| {
            Line::from(vec![
                Span::from(format!("{name:<11}")).dim(),
                Span::from(value.as_str()).fg(self.color),
            ])
        });
        let text = Paragraph::new(lines.collect::<Vec<_>>());
        frame.render_widget(text.block(Block::bordered().title(self.title)), area);
    }
}

/// A curve, the newest second at the right.
fn curve(frame: &mut Frame<'_>, area: Rect, what: &str, newest_first: &[u64]) {
    let width = usize::from(area.width.saturating_sub(2));
    let shown = newest_first.iter().take(width).rev().copied();
    let most = newest_first.iter().take(width).max().copied().unwrap_or_default();
    let block = Block::bordered().title(format!("{what}, {most} at most"));
    frame.render_widget(Sparkline::default().data(shown.collect::<Vec<_>>()).block(block), area);
}

fn figure(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}{unit}"))
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use webtrunk_loadtest::report::Moment;

    use super::*;

    fn drawn(screen: &Screen, [width, height]: [u16; 2]) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it is memory");
        terminal.draw(|frame| screen.draw(frame)).expect("it is memory");
        terminal.backend().to_string()
    }

    fn moment() -> Moment {
        Moment {
            at_s: 12.1,
            up: 7,
            begun: 20,
            own_cpu_percent: 31.0,
            target_cpu_percent: Some(44.4),
            target_rss_mib: Some(61.52),
        }
    }

    #[test]
    fn every_figure_is_on_the_screen() {
        let mut screen = Screen::new("calls.toml", 500, Duration::from_secs(60));
        screen.note(&Live { begun: 17, ..Live::default() });
        screen.note(&Live {
            begun: 20,
            ringing: 2,
            up: 7,
            over: [("ok".to_owned(), 9), ("one_way".to_owned(), 2)].into(),
            setup_p50_ms: Some(41.2),
            setup_p99_ms: Some(97.0),
            mos_p50: Some(4.31),
            loss_percent: 0.254,
            late_percent: 0.1,
            is_ending: true,
            moment: Some(moment()),
        });
        let seen = drawn(&screen, [120, 30]);
        for text in [
            "calls.toml 12 of 60 s",
            "20 of 500",
            "a second   3",
            "ringing    2",
            "up         7",
            "41 ms",
            "97 ms",
            "4.31",
            "0.25 %",
            "on time",
            "0.10 %",
            "31 %",
            "44 %",
            "61.5 MiB",
            "calls up, 7 at most",
            "all calls are being ended",
            "9         ok",
            "2         one_way",
        ] {
            assert!(seen.contains(text), "{text} is not in\n{seen}");
        }
    }

    #[test]
    fn a_load_tester_that_is_late_says_so() {
        let mut screen = Screen::new("calls.toml", 500, Duration::from_secs(60));
        screen.note(&Live { late_percent: 3.0, ..Live::default() });
        assert!(drawn(&screen, [100, 24]).contains("LATE"));
    }

    #[test]
    fn a_terminal_may_be_as_small_as_it_likes() {
        let mut screen = Screen::new("calls.toml", 500, Duration::from_secs(60));
        for _ in 0..400 {
            screen.note(&Live { up: 3, ..Live::default() });
        }
        for size in [[1, 1], [20, 5], [300, 10]] {
            drawn(&screen, size);
        }
    }
}
