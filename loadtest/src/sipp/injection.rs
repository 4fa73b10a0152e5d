//! Injection files: what `[field0]` and its like stand for, call by call.

use super::fault::{ImportError, Remark};

/// An injection file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Injection {
    /// The fields of each line.
    pub(super) rows: Vec<Vec<String>>,
    /// What is done otherwise with them.
    pub(super) remark: Option<Remark>,
}

/// Lines at most: as many as there may be agents.
const ROWS_MAX: usize = 5000;

impl Injection {
    /// Reads one: a line that says in which order it is used, and then fields with semicolons between them.
    ///
    /// # Errors
    /// It does not begin so, has too much or nothing, or is to be printed into.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, ImportError> {
        let fault = |line: usize, text: String| {
            let remark = Remark { line, ..Remark::of_file(text) };
            Err(ImportError { file: file.to_owned(), remarks: vec![remark] })
        };
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default().trim().to_uppercase();
        let mut words = head.split(',').map(str::trim);
        let order = words.next().unwrap_or_default();
        let remark = match order {
            "SEQUENTIAL" => None,
            "RANDOM" => Some("are taken in their order, and not by chance"),
            "USER" => Some("are taken in turn, whether a call of theirs is up or not"),
            _ => return fault(1, "begins with none of SEQUENTIAL, RANDOM, USER; say one of them".to_owned()),
        };
        if let Some(word) = words.find(|word| !word.is_empty()) {
            return fault(1, format!("{word}: its lines are taken as they are; write them out"));
        }
        let is_used = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        let fields = |line: &str| line.trim_end().split(';').map(str::to_owned).collect::<Vec<_>>();
        let rows: Vec<_> = lines.filter(is_used).map(fields).collect();
        if rows.is_empty() {
            return fault(0, "has no line with fields".to_owned());
        }
        if rows.len() > ROWS_MAX {
            return fault(0, format!("has {} lines; {ROWS_MAX} agents are the most", rows.len()));
        }
        let remark = remark.map(|text| Remark::of_file(format!("the lines of {file} {text}")));
        Ok(Self { rows, remark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_fields_and_comments_nothing() {
        let read = Injection::parse("u.csv", "SEQUENTIAL\n# who;what\nalice;1\n\nbob;2;x\n").expect("sound");
        let expected = [vec!["alice".to_owned(), "1".to_owned()], vec!["bob".into(), "2".into(), "x".into()]];
        assert_eq!((read.rows.as_slice(), read.remark), (expected.as_slice(), None));
        let random = Injection::parse("u.csv", "random\na\n").expect("sound");
        assert!(random.remark.is_some_and(|it| it.text.contains("not by chance")));
    }

    #[test]
    fn what_is_none_is_told_by_its_line() {
        for (text, expected) in [
            ("alice;1\n", "u.csv:1: begins with none of"),
            ("SEQUENTIAL,PRINTF=10\nalice;1\n", "u.csv:1: PRINTF=10: its lines are taken as they are"),
            ("USER\n# nobody\n", "u.csv:has no line with fields"),
        ] {
            let error = Injection::parse("u.csv", text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
