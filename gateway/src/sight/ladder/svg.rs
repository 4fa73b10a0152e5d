//! The ladder as a picture: SVG by itself, without a script; the pointer over a rung shows the whole message.

use std::fmt::Write;

use super::build::Ladder;
use super::step::{Step, What, printable};

/// Pixels between columns, between rungs, and above the first of them.
const COLUMN: usize = 300;
const RUNG: usize = 34;
const HEAD: usize = 92;

/// Pixels left of the first column, for the time and half a name.
const LEFT: usize = 200;

/// Letters of a label that fit between two columns.
const LABEL_MAX: usize = 44;

const STYLE: &str = "text{font:13px ui-sans-serif,system-ui,sans-serif;fill:#1f2933}\
.name{font-weight:600;font-size:15px}.dim{fill:#7b8794;font-size:11px}.label{font-size:12px}\
.life{stroke:#cbd2d9;stroke-width:1.5}.head{fill:#f5f7fa;stroke:#cbd2d9}.own{fill:#e0f2fe;stroke:#7dd3fc}\
.step line{stroke-width:1.6}.step:hover .band{fill:#f0f4f8}.band{fill:transparent}\
.ask{stroke:#2563eb}.wait{stroke:#d97706}.good{stroke:#059669}.bad{stroke:#dc2626}.again{stroke-dasharray:5 4}";

/// The picture.
#[must_use]
pub fn svg(ladder: &Ladder) -> String {
    let columns = ladder.parties.len().max(1);
    let width = LEFT + (columns - 1) * COLUMN + 160;
    let foot = HEAD + ladder.steps.len() * RUNG + 10;
    let height = foot + 30;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\
         <style>{STYLE}</style><defs>"
    );
    for (name, colour) in [("ask", "#2563eb"), ("wait", "#d97706"), ("good", "#059669"), ("bad", "#dc2626")] {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            out,
            "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{colour}\"/></marker>"
        );
    }
    let title = ladder.call.clone().unwrap_or_default() + "  " + &ladder.call_ids.join("  ");
    let _ = write!(
        out,
        "</defs><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\
         <text class=\"dim\" x=\"16\" y=\"20\">{}</text>",
        escaped(title.trim())
    );
    for (column, party) in ladder.parties.iter().enumerate() {
        let (x, class) = (LEFT + column * COLUMN, if party.place.is_none() { "head own" } else { "head" });
        let _ = write!(
            out,
            "<line class=\"life\" x1=\"{x}\" y1=\"82\" x2=\"{x}\" y2=\"{foot}\"/>\
             <rect class=\"{class}\" x=\"{}\" y=\"34\" width=\"220\" height=\"48\" rx=\"8\"/>\
             <text class=\"name\" text-anchor=\"middle\" x=\"{x}\" y=\"55\">{}</text>\
             <text class=\"dim\" text-anchor=\"middle\" x=\"{x}\" y=\"72\">{}</text>",
            x - 110,
            escaped(&shortened(&party.name, 26)),
            escaped(&party.address()),
        );
    }
    for (index, step) in ladder.steps.iter().enumerate() {
        rung(&mut out, step, HEAD + index * RUNG, width);
    }
    if ladder.omitted > 0 {
        let told = format!("{} messages of its middle were not kept", ladder.omitted);
        let _ = write!(out, "<text class=\"dim\" x=\"16\" y=\"{}\">{told}</text>", foot + 18);
    }
    out.push_str("</svg>\n");
    out
}

fn rung(out: &mut String, step: &Step, y: usize, width: usize) {
    let class = class_of(&step.what);
    let [from, to] = [step.from, step.to].map(|column| LEFT + column * COLUMN);
    let (middle, line) = ((from + to) / 2, y + 24);
    // The tip of the arrow does not lie on the line.
    let tip = if to > from { to - 3 } else { to + 3 };
    let again = if step.is_repeated { " again" } else { "" };
    let _ = write!(
        out,
        "<g class=\"step\"><title>{}</title><rect class=\"band\" x=\"0\" y=\"{y}\" width=\"{width}\" height=\"{RUNG}\"/>\
         <text class=\"dim\" text-anchor=\"end\" x=\"66\" y=\"{}\">+{:.3} s</text>\
         <line class=\"{class}{again}\" x1=\"{from}\" y1=\"{line}\" x2=\"{tip}\" y2=\"{line}\" marker-end=\"url(#{class})\"/>\
         <text class=\"label\" text-anchor=\"middle\" x=\"{middle}\" y=\"{}\">{}</text></g>",
        escaped(&step.text),
        line + 4,
        step.offset.as_secs_f64(),
        line - 6,
        escaped(&shortened(&step.label(), LABEL_MAX)),
    );
}

fn class_of(what: &What) -> &'static str {
    match what {
        What::Request { .. } => "ask",
        What::Response { status: 100..=199, .. } => "wait",
        What::Response { status: 200..=299, .. } => "good",
        What::Response { .. } | What::Unreadable(_) => "bad",
    }
}

fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(max - 1).collect();
    kept.push('…');
    kept
}

/// A text of a peer as text of XML: no markup, and no character that XML forbids.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        for char in printable(line.trim_end_matches(['\r', '\n'])).chars() {
            match char {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
                char => out.push(char),
            }
        }
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}
