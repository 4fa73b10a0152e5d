//! The elements of a scenario, in their order, with the lines that they stand in.

use roxmltree::{Document, Node, ParsingOptions};

use super::action::Action;
use super::fault::Remark;
use super::pause::Pause;

/// One element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) line: usize,
    name: String,
    pub(super) doing: Doing,
    pub(super) branch: Option<Branch>,
    /// What its attributes say that is not done.
    undone: Vec<String>,
    pub(super) actions: Vec<Deed>,
}

/// An action, with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deed {
    line: usize,
    name: String,
    pub(super) action: Action,
}

/// Where it goes on instead of with the next element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    pub(super) label: String,
    /// Only where this variable is set.
    pub(super) test: Option<String>,
    /// How often, 0 to 1.
    pub(super) chance: f64,
}

/// What an element is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doing {
    /// This text is sent.
    Send(String),
    Receive {
        awaited: Awaited,
        is_optional: bool,
    },
    Pause(Pause),
    Label(String),
    Nothing,
    /// There is no word for it, and why.
    Impossible(&'static str),
}

/// What may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A request of this method.
    Request(String),
    /// A response of this status; of a pattern, the lowest of its hundred.
    Response(u16),
    /// Neither is said.
    Nothing,
}

/// Far more than any scenario has.
const NODES_MAX: u32 = 200_000;

/// Of statistics, and of what only SIPp's own memory knows.
const PASSED_OVER: [&str; 7] =
    ["CallLengthRepartition", "Global", "Reference", "ResponseTimeRepartition", "User", "info", "timewait"];

impl Element {
    /// Reads a scenario; what stands in `<init>` comes first.
    ///
    /// # Errors
    /// It is no XML, or no scenario.
    pub(super) fn read(text: &str) -> Result<Vec<Self>, Remark> {
        let options = ParsingOptions { allow_dtd: true, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|error| {
            let line = error.pos().row as usize;
            let cure = "SIPp is content with less: write &lt; and &amp; for < and & in attributes";
            Remark { line, ..Remark::of_file(format!("is no XML: {error}; {cure}")) }
        })?;
        let root = document.root_element();
        if root.tag_name().name() != "scenario" {
            let name = root.tag_name().name();
            return Err(Remark::of_file(format!("is no scenario of SIPp: it begins with <{name}>")));
        }
        let children = || root.children().filter(Node::is_element);
        let is_init = |node: &Node<'_, '_>| node.tag_name().name() == "init";
        let first = children().filter(is_init).flat_map(|init| init.children().filter(Node::is_element));
        let nodes = first.chain(children().filter(|node| !is_init(node)));
        Ok(nodes.filter_map(|node| Self::of(&document, node)).collect())
    }

    /// Something about it.
    pub(super) fn remark(&self, text: impl Into<String>) -> Remark {
        Remark { line: self.line, element: self.name.clone(), text: text.into() }
    }

    /// What is done otherwise than its attributes say.
    pub(super) fn otherwise(&self) -> impl Iterator<Item = Remark> {
        self.undone.iter().map(move |text| self.remark(text.as_str()))
    }

    fn of(document: &Document<'_>, node: Node<'_, '_>) -> Option<Self> {
        let name = node.tag_name().name();
        if PASSED_OVER.contains(&name) {
            return None;
        }
        let doing = match name {
            "send" => {
                Doing::Send(node.children().filter(Node::is_text).filter_map(|child| child.text()).collect())
            }
            "recv" => Doing::Receive {
                awaited: Awaited::read(node),
                is_optional: matches!(node.attribute("optional"), Some("true" | "global")),
            },
            "pause" => Doing::Pause(Pause::read(node)),
            "label" => Doing::Label(node.attribute("id").unwrap_or_default().to_owned()),
            "nop" => Doing::Nothing,
            "sendCmd" | "recvCmd" => {
                Doing::Impossible("speaks with another sipp (3PCC), of which there is none here")
            }
            _ => Doing::Impossible("is no element that is known here"),
        };
        let actions = node.children().filter(|child| child.tag_name().name() == "action");
        let deeds = actions.flat_map(|action| action.children().filter(Node::is_element));
        Some(Self {
            line: line_of(document, node),
            name: name.to_owned(),
            doing,
            branch: Branch::read(node),
            undone: undone(node),
            actions: deeds.map(|deed| Deed::read(document, deed)).collect(),
        })
    }
}

impl Deed {
    fn read(document: &Document<'_>, node: Node<'_, '_>) -> Self {
        let name = node.tag_name().name().to_owned();
        Self { line: line_of(document, node), name, action: Action::read(node) }
    }

    /// Something about it.
    pub(super) fn remark(&self, text: impl Into<String>) -> Remark {
        Remark { line: self.line, element: self.name.clone(), text: text.into() }
    }
}

impl Branch {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let label = node.attribute("next")?.trim().to_owned();
        let test = node.attribute("test").map(str::to_owned);
        let chance = node.attribute("chance").and_then(|it| it.trim().parse::<f64>().ok());
        Some(Self { label, test, chance: chance.unwrap_or(1.0).clamp(0.0, 1.0) })
    }
}

impl Awaited {
    fn read(node: Node<'_, '_>) -> Self {
        if let Some(method) = node.attribute("request") {
            return Self::Request(method.trim().to_owned());
        }
        let Some(status) = node.attribute("response") else { return Self::Nothing };
        match status.trim().parse() {
            Ok(status) => Self::Response(status),
            // A pattern, such as `2..` or `(200|202)`.
            Err(_) => match status.chars().find_map(|digit| digit.to_digit(10)) {
                Some(class) => Self::Response(100 * class as u16),
                None => Self::Nothing,
            },
        }
    }
}

/// Attributes that change what a call is like, and that there is no word for.
fn undone(node: Node<'_, '_>) -> Vec<String> {
    let late = node.attribute("ontimeout");
    let late = late.map(|label| format!("the way to {label:?}, where nothing comes in time, is not played"));
    let lost = node.attribute("lost").filter(|share| share.trim() != "0");
    let lost = lost.map(|_| "no message is lost on purpose".to_owned());
    late.into_iter().chain(lost).collect()
}

fn line_of(document: &Document<'_>, node: Node<'_, '_>) -> usize {
    document.text_pos_at(node.range().start).row as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_their_lines_and_what_is_of_statistics_is_passed_over() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"x\">\n\
                    <recv response=\"180\" optional=\"true\" next=\"a\" chance=\"0.25\"/>\n\
                    <recv response=\"2..\" regexp_match=\"true\">\n<action>\n<log message=\"x\"/>\n</action></recv>\n\
                    <send>\n<![CDATA[\n ACK x SIP/2.0\n]]></send>\n<label id=\"a\"/>\n<timewait milliseconds=\"4000\"/>\n\
                    <sendCmd/>\n<ResponseTimeRepartition value=\"10\"/>\n<init><nop/></init></scenario>";
        let elements = Element::read(text).expect("XML");
        let lines: Vec<_> = elements.iter().map(|it| (it.line, it.name.as_str())).collect();
        let expected = [(17, "nop"), (4, "recv"), (5, "recv"), (9, "send"), (13, "label"), (15, "sendCmd")];
        assert_eq!(lines, expected);
        let branch = Branch { label: "a".to_owned(), test: None, chance: 0.25 };
        assert_eq!(elements[1].branch, Some(branch));
        let awaited = Awaited::Response(200);
        assert_eq!(elements[2].doing, Doing::Receive { awaited, is_optional: false });
        assert_eq!((elements[2].actions[0].line, &elements[2].actions[0].action), (7, &Action::Nothing));
        assert!(matches!(&elements[3].doing, Doing::Send(text) if text.trim() == "ACK x SIP/2.0"));
        assert!(elements[5].remark("x").to_string().starts_with("15: <sendCmd>: "));
    }

    #[test]
    fn what_is_no_scenario_is_told_by_its_line() {
        let broken = Element::read("<scenario>\n<nop next=\"<1>\"/>\n</scenario>").expect_err("no XML");
        assert_eq!(broken.line, 2);
        assert!(broken.text.contains("write &lt;"), "{broken}");
        assert!(Element::read("<a/>").expect_err("no scenario").text.contains("begins with <a>"));
    }
}
