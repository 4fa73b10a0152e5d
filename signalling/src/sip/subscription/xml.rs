//! Text inside of XML.

use std::fmt;

/// A text as content or attribute of an element (XML 1.0 2.4); what XML cannot hold is left out.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_structure() {
        let escaped = Escaped("a\"'<b>&c\r\n\0\u{ffff}ü").to_string();
        assert_eq!(escaped, "a&quot;&apos;&lt;b&gt;&amp;cü");
    }
}
