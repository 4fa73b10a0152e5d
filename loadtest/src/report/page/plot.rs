//! A plot as SVG: lines, dots or bars over two axes that begin where they should.

use std::fmt::Write as _;

/// A plot that is being drawn.
pub(super) struct Plot {
    title: &'static str,
    x_title: &'static str,
    series: Vec<Series>,
}

/// Points of one report.
pub(super) struct Series {
    pub(super) shape: Shape,
    /// Which report: the first or the second.
    pub(super) report: usize,
    pub(super) points: Vec<(f64, f64)>,
}

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Line,
    Dots,
    /// Each as wide as the way to the next.
    Bars,
}

/// In pixels of the drawing.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 10.0;
/// Half of the last figure of the axis stands beyond its end.
const RIGHT: f64 = 20.0;
const TICKS: usize = 5;
/// Nothing that is drawn is as small.
const DECIMALS_MAX: i32 = 5;
/// Dots of one series at most; more are one in so many.
const DOTS_MAX: usize = 2000;

impl Plot {
    pub(super) const fn new(title: &'static str, x_title: &'static str) -> Self {
        Self { title, x_title, series: Vec::new() }
    }

    pub(super) fn add(&mut self, report: usize, shape: Shape, points: Vec<(f64, f64)>) {
        let points: Vec<_> = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        if !points.is_empty() {
            self.series.push(Series { shape, report, points });
        }
    }

    /// The figure; nothing where there is nothing to draw.
    pub(super) fn draw(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
        let (x_max, y_max) = (nice(most(|it| it.0)), nice(most(|it| it.1)));
        if self.series.is_empty() {
            return String::new();
        }
        let x = |value: f64| LEFT + value / x_max * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / y_max * (HEIGHT - BOTTOM - TOP);
        let mut out = format!(
            "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title, self.title
        );
        let [x_decimals, y_decimals] = [x_max, y_max].map(|end| decimals(end / TICKS as f64));
        for tick in 0..=TICKS {
            let share = tick as f64 / TICKS as f64;
            let (at_x, at_y) = (x(share * x_max), y(share * y_max));
            let _ = write!(
                out,
                "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{at_y:.1}\" x2=\"{:.1}\" y2=\"{at_y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <text x=\"{at_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 5.0,
                at_y + 4.0,
                format_args!("{:.y_decimals$}", share * y_max),
                HEIGHT - BOTTOM + 14.0,
                format_args!("{:.x_decimals$}", share * x_max),
            );
        }
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            HEIGHT - 4.0,
            self.x_title
        );
        for series in &self.series {
            series.draw(x, y, &mut out);
        }
        out + "</svg></figure>"
    }
}

impl Series {
    fn draw(&self, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64, out: &mut String) {
        let class = if self.report == 0 { "a" } else { "b" };
        match self.shape {
            Shape::Line => {
                let each = self.points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)));
                let path = each.collect::<Vec<_>>().join(" L");
                let _ = write!(out, "<path class=\"{class}\" d=\"M{path}\"/>");
            }
            Shape::Dots => {
                let step = self.points.len().div_ceil(DOTS_MAX);
                for (at, value) in self.points.iter().step_by(step) {
                    let (at, value) = (x(*at), y(*value));
                    let _ = write!(
                        out,
                        "<circle class=\"{class} dot\" cx=\"{at:.1}\" cy=\"{value:.1}\" r=\"2.4\"/>"
                    );
                }
            }
            Shape::Bars => {
                let width = self.points.get(1).map_or(1.0, |second| second.0 - self.points[0].0);
                for (at, value) in &self.points {
                    let (left, right, top) = (x(*at), x(*at + width), y(*value));
                    let _ = write!(
                        out,
                        "<rect class=\"{class} bar\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                        (right - left - 1.0).max(0.5),
                        y(0.0) - top
                    );
                }
            }
        }
    }
}

/// The end of an axis: 1, 2, 2.5 or 5 times a power of ten, and no less than this.
fn nice(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|end| *end >= most * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// As many as tell figures that are so far apart from each other.
fn decimals(step: f64) -> usize {
    let is_whole = |digits: &i32| {
        let scaled = step * 10_f64.powi(*digits);
        (scaled - scaled.round()).abs() < 1e-6
    };
    (0..DECIMALS_MAX).find(is_whole).unwrap_or(DECIMALS_MAX) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_figures() {
        for (most, end) in
            [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (23.0, 25.0), (480.0, 500.0), (501.0, 1000.0)]
        {
            assert!((nice(most) - end).abs() < 1e-9, "{most}: {}", nice(most));
        }
    }

    #[test]
    fn figures_of_an_axis_differ() {
        for (step, expected) in [(0.0002, 4), (0.01, 2), (0.2, 1), (0.5, 1), (1.0, 0), (5.0, 0), (200.0, 0)] {
            assert_eq!(decimals(step), expected, "{step}");
        }
        let mut plot = Plot::new("it", "s");
        plot.add(0, Shape::Line, vec![(0.0, 0.0), (1000.0, 0.05)]);
        let drawn = plot.draw();
        for text in [">0.00<", ">0.01<", ">0.05<", ">1000<"] {
            assert!(drawn.contains(text), "{text} is not in {drawn}");
        }
    }

    #[test]
    fn every_point_lies_between_the_axes_and_nothing_draws_nothing() {
        let mut plot = Plot::new("it", "s");
        assert_eq!(plot.draw(), "");
        plot.add(0, Shape::Dots, vec![(0.0, 0.0), (10.0, 4.5), (f64::NAN, 1.0)]);
        let drawn = plot.draw();
        assert_eq!(drawn.matches("<circle").count(), 2);
        assert!(drawn.contains("cx=\"46.0\" cy=\"186.0\""), "{drawn}");
        // 4.5 of 5, and 10 of 10.
        assert!(drawn.contains("cx=\"440.0\" cy=\"27.6\""), "{drawn}");
    }
}
