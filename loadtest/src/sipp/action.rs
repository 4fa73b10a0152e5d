//! What an element does besides its message: variables, and audio.

use roxmltree::Node;
use webtrunk_codecs::tone::Digit;

use super::variables::{Value, Variables};

/// One action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// These variables get what nobody knows before.
    Learn(Vec<String>),
    /// A variable gets a value.
    Assign(String, Given),
    /// A variable is calculated with.
    Compute(String, Operator, Given),
    /// Two values are compared into a variable.
    Compare { into: String, left: String, comparison: Comparison, right: Given },
    /// Digits are pressed.
    Press(String),
    /// Nothing that could be heard or seen by the target.
    Nothing,
    /// It is passed over, and why that does no harm.
    PassedOver(&'static str),
    /// There is no word for it, and why.
    Impossible(String),
}

/// A value, or where one is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Value(Value),
    Variable(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

/// Audio of files: each end of our calls has a sound of its own, by which it is heard.
const HUMS: &str =
    "its audio is not played: each end of a call hums all the time, so that what comes can be judged";
const GOES_ON: &str = "is passed over: audio goes on all the time, unless talk in [[traffic]] says otherwise";

impl Action {
    pub(super) fn read(node: Node<'_, '_>) -> Self {
        let names = |attribute: &str| {
            let names = node.attribute(attribute).unwrap_or_default().split(',');
            names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>()
        };
        let into = || names("assign_to").into_iter().next().unwrap_or_default();
        let compute = |operator| Self::Compute(into(), operator, Given::read(node, "variable"));
        match node.tag_name().name() {
            "ereg" | "gettimeofday" | "lookup" | "sample" | "strcmp" | "verifyauth" => {
                Self::Learn(names("assign_to"))
            }
            "log" | "trim" | "urldecode" | "urlencode" | "warning" => Self::Nothing,
            "assign" => Self::Assign(into(), Given::read(node, "variable")),
            "assignstr" => {
                let text = node.attribute("value").unwrap_or_default().to_owned();
                Self::Assign(into(), Given::Value(Value::Text(text)))
            }
            "todouble" => Self::Assign(into(), Given::read(node, "variable")),
            "add" => compute(Operator::Add),
            "subtract" => compute(Operator::Subtract),
            "multiply" => compute(Operator::Multiply),
            "divide" => compute(Operator::Divide),
            "test" => match Comparison::read(node.attribute("compare").unwrap_or_default()) {
                Some(comparison) => Self::Compare {
                    into: into(),
                    left: node.attribute("variable").unwrap_or_default().to_owned(),
                    comparison,
                    right: Given::read(node, "variable2"),
                },
                None => Self::Impossible("compares as SIPp does not".to_owned()),
            },
            "exec" => Self::execute(node),
            "rtpcheck" => Self::PassedOver("is passed over: all that is heard is judged"),
            "jump" => {
                Self::Impossible("jumps to an element by its number; jump by next and a label".to_owned())
            }
            "setdest" => Self::Impossible("sends elsewhere in the middle of a call".to_owned()),
            "closecon" => Self::Impossible("closes the connection; agents keep theirs over calls".to_owned()),
            "error" => Self::Impossible("gives the call up".to_owned()),
            "pauserestore" => Self::Impossible("goes on with a pause that was broken off".to_owned()),
            "insert" | "replace" => Self::Impossible("changes the injection file while it runs".to_owned()),
            name => Self::Impossible(format!("<{name}> is no action that is known here")),
        }
    }

    fn execute(node: Node<'_, '_>) -> Self {
        if let Some(digits) = node.attribute("play_dtmf") {
            // What follows a comma is how loud and long they are.
            let digits = digits.split(',').next().unwrap_or_default().trim().to_uppercase();
            let are_digits = !digits.is_empty() && digits.chars().all(|key| Digit::parse(key).is_some());
            return if are_digits {
                Self::Press(digits)
            } else {
                Self::Impossible(format!("{digits:?} are no digits; they are 0-9 * # A-D"))
            };
        }
        if let Some(file) = node.attribute("play_pcap_audio") {
            return digit_of(file).map_or(Self::PassedOver(HUMS), Self::Press);
        }
        if let Some(stream) = node.attribute("rtp_stream") {
            let first = stream.split(',').next().unwrap_or_default();
            let goes_on = ["pause", "resume", "pauseapattern", "resumeapattern"].contains(&first);
            return Self::PassedOver(if goes_on { GOES_ON } else { HUMS });
        }
        if ["rtp_echo", "play_pcap_image", "play_pcap_video"].iter().any(|it| node.has_attribute(*it)) {
            return Self::PassedOver("is passed over: each end says its own, and audio alone");
        }
        let told = node
            .attribute("command")
            .map_or("does what SIPp alone can", |_| "runs a command, which nothing here does");
        Self::Impossible(told.to_owned())
    }
}

impl Given {
    /// The attribute `value`, or the variable that another one names.
    fn read(node: Node<'_, '_>, variable: &str) -> Self {
        match (node.attribute("value"), node.attribute(variable)) {
            (Some(value), _) => Self::Value(match value.trim().parse() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::Text(value.to_owned()),
            }),
            (None, Some(name)) => Self::Variable(name.to_owned()),
            (None, None) => Self::Value(Value::Unknown),
        }
    }

    /// As it is now; nothing is known of a variable that was never set.
    pub(super) fn value(&self, variables: &Variables) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Variable(name) => variables.number(name).map_or(Value::Unknown, Value::Number),
        }
    }

    /// Its number, where that is known.
    pub(super) fn number(&self, variables: &Variables) -> Option<f64> {
        match self.value(variables) {
            Value::Number(number) => Some(number),
            Value::Text(_) | Value::Flag(_) | Value::Unknown => None,
        }
    }
}

impl Operator {
    pub(super) fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
        }
    }
}

impl Comparison {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "equal" => Self::Equal,
            "not_equal" => Self::NotEqual,
            "greater_than" => Self::Greater,
            "less_than" => Self::Less,
            "greater_than_equal" => Self::GreaterOrEqual,
            "less_than_equal" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// As SIPp compares: counters are whole.
    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::Less => left < right,
            Self::GreaterOrEqual => left >= right,
            Self::LessOrEqual => left <= right,
        }
    }
}

/// The digit that a capture which comes with SIPp has, such as `pcap/dtmf_2833_5.pcap`.
fn digit_of(file: &str) -> Option<String> {
    let name = file.rsplit('/').next()?.strip_prefix("dtmf_2833_")?.strip_suffix(".pcap")?;
    let key = match name {
        "star" => '*',
        "pound" | "hash" => '#',
        _ => name.chars().next().filter(|_| name.len() == 1)?,
    };
    Digit::parse(key).map(|digit| digit.to_char().to_string())
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn read(text: &str) -> Action {
        Action::read(Document::parse(text).expect("XML").root_element())
    }

    #[test]
    fn digits_are_pressed_and_other_audio_is_passed_over() {
        for (text, expected) in [
            ("<exec play_pcap_audio=\"pcap/dtmf_2833_5.pcap\"/>", "5"),
            ("<exec play_pcap_audio=\"dtmf_2833_pound.pcap\"/>", "#"),
            ("<exec play_dtmf=\"12a*,200\"/>", "12A*"),
        ] {
            assert_eq!(read(text), Action::Press(expected.to_owned()), "{text}");
        }
        for text in [
            "<exec play_pcap_audio=\"pcap/g711a.pcap\"/>",
            "<exec rtp_stream=\"hello.wav,-1,8\"/>",
            "<exec rtp_stream=\"pause\"/>",
            "<exec rtp_echo=\"startaudio,0,PCMU/8000\"/>",
        ] {
            assert!(matches!(read(text), Action::PassedOver(_)), "{text}");
        }
    }

    #[test]
    fn variables_are_learnt_assigned_and_compared() {
        assert_eq!(
            read("<ereg regexp=\".*\" assign_to=\"1, 2\"/>"),
            Action::Learn(vec!["1".into(), "2".into()])
        );
        let one = Given::Value(Value::Number(1.0));
        assert_eq!(
            read("<add assign_to=\"n\" value=\"1\"/>"),
            Action::Compute("n".into(), Operator::Add, one)
        );
        let Action::Compare { into, left, comparison, right } =
            read("<test assign_to=\"more\" variable=\"n\" compare=\"less_than\" value=\"3\"/>")
        else {
            panic!("a comparison")
        };
        assert_eq!((into.as_str(), left.as_str(), comparison), ("more", "n", Comparison::Less));
        assert_eq!(right.number(&Variables::default()), Some(3.0));
        assert!(comparison.holds(2.0, 3.0) && !comparison.holds(3.0, 3.0));
    }

    #[test]
    fn what_there_is_no_word_for_says_why() {
        for (text, why) in [
            ("<exec command=\"rm x\"/>", "runs a command"),
            ("<jump value=\"3\"/>", "by its number"),
            ("<exec play_dtmf=\"12x\"/>", "are no digits"),
            ("<dance/>", "<dance> is no action"),
        ] {
            let Action::Impossible(told) = read(text) else { panic!("{text}") };
            assert!(told.contains(why), "{told}");
        }
    }
}
