//! The messages that sipp saw, as it writes them down (`-trace_msg`).

use std::path::Path;

/// A message and who sent it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Whether sipp sent it.
    pub(crate) is_sent: bool,
    text: String,
}

/// Stands before every entry; a date follows.
const RULE: &str = "----------------------------------------------- ";

/// Reads what was written so far. A message that is half written is not given yet.
pub(crate) fn read(path: &Path) -> Vec<Seen> {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    text.split(RULE).filter_map(parse).collect()
}

impl Seen {
    /// Whether this is a response with this status, or a request with this method.
    pub(crate) fn is(&self, what: &str) -> bool {
        let line = self.text.strip_prefix("SIP/2.0 ").unwrap_or(&self.text);
        line.split(' ').next() == Some(what)
    }

    /// Whether this is a request for this target.
    pub(crate) fn is_to(&self, target: &str) -> bool {
        self.text.split(' ').nth(1) == Some(target)
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// The values of a header that may be there more than once.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let head = self.text.lines().take_while(|line| !line.is_empty());
        let of_name = head.filter_map(|line| line.split_once(':')).filter(|(it, _)| it == &name);
        of_name.map(|(_, value)| value.trim()).collect()
    }

    /// Its body; empty where it has none.
    pub(crate) fn body(&self) -> &str {
        let ends = ["\r\n\r\n", "\n\n"];
        ends.iter().find_map(|end| self.text.split_once(end)).map_or("", |(_, body)| body)
    }

    /// Whether a line of its body is this.
    pub(crate) fn has_line(&self, line: &str) -> bool {
        self.text.lines().any(|it| it == line)
    }

    /// The port of its audio; `None` where it describes none.
    pub(crate) fn audio_port(&self) -> Option<u16> {
        let media = self.text.lines().find_map(|line| line.strip_prefix("m=audio "))?;
        media.split(' ').next()?.parse().ok()
    }
}

/// One entry: a date, a line with direction and length in bytes, an empty line, the message.
fn parse(entry: &str) -> Option<Seen> {
    let (head, message) = entry.split_once("\n\n")?;
    let digits = head.lines().nth(1)?.split(|it: char| !it.is_ascii_digit());
    let length: usize = digits.filter(|run| !run.is_empty()).find_map(|run| run.parse().ok())?;
    Some(Seen { is_sent: head.contains(" sent "), text: message.get(..length)?.to_owned() })
}
