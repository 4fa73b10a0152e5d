//! What two descriptions have in common that are of the same call, made twice.

/// What stands in place of what is drawn anew for each call.
const DRAWN: &str = "*";

/// Lines of which all behind the colon is drawn anew.
const DRAWN_WHOLE: [&str; 6] =
    ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=candidate:", "a=ssrc:", "a=msid:"];

/// The lines of a description, without ports, keys and names that each call has of its own.
pub(crate) fn shape(description: &str) -> Vec<String> {
    description.lines().map(|line| shape_of(line.trim_end())).collect()
}

fn shape_of(line: &str) -> String {
    if let Some(begin) = DRAWN_WHOLE.iter().find(|begin| line.starts_with(**begin)) {
        return format!("{begin}{DRAWN}");
    }
    // Which word it is that is drawn, and the parts of the line.
    let drawn: &[usize] = match line {
        _ if line.starts_with("o=") => &[1, 2],
        _ if line.starts_with("m=") => &[1],
        // The tag and the suite stay.
        _ if line.starts_with("a=crypto:") => &[2],
        _ if line.starts_with("a=rtcp:") => return format!("a=rtcp:{DRAWN}"),
        _ => &[],
    };
    let words = line.split(' ').enumerate().map(|(at, word)| if drawn.contains(&at) { DRAWN } else { word });
    words.collect::<Vec<_>>().join(" ")
}
