//! What pages may write, by what is said of all that write.

use serde_json::{Value, json};

use super::page::Bench;
use crate::adapter::{Command, Delivery, Event};
use crate::sip::agent::TextConfig;

fn write(bench: &mut Bench, flow: u64, text: &str) -> Value {
    bench.ask(flow, "message", json!({ "to": "100", "text": text }))
}

fn written(bench: &Bench) -> usize {
    bench.events.iter().filter(|event| matches!(event, Event::Texted(_))).count()
}

#[test]
fn all_pages_of_a_user_write_as_much_together_as_one_may() {
    let mut bench = Bench::with_texts(TextConfig { per_second: 2, ..TextConfig::default() });
    let pages = [bench.page("alice").0, bench.page("alice").0];
    for n in 0..4 {
        write(&mut bench, pages[n % 2], "hello");
    }
    assert_eq!(written(&bench), 4, "two seconds' at once");
    for page in pages {
        assert_eq!(write(&mut bench, page, "hello")["error"]["code"], 1007);
    }
    let (bob, _) = bench.page("bob");
    write(&mut bench, bob, "hello");
    bench.wait(1);
    write(&mut bench, pages[0], "hello");
    assert_eq!(written(&bench), 6);
    let Some(Event::Texted(text)) = bench.events.last() else { panic!("a message") };
    let leg = text.leg;
    bench.command(Command::AnswerText { leg, delivery: Delivery::Done });
    assert_eq!(bench.answer(pages[0], bench.last_id()).expect("an answer")["result"], json!({}));
}

#[test]
fn where_no_messages_are_taken_or_none_so_long_pages_write_none() {
    let mut bench = Bench::with_texts(TextConfig { octets_max: 5, ..TextConfig::default() });
    let (flow, _) = bench.page("alice");
    assert_eq!(write(&mut bench, flow, "longer")["error"]["data"]["field"], "text");
    let mut bench = Bench::with_texts(TextConfig { types: Vec::new(), ..TextConfig::default() });
    let (flow, _) = bench.page("alice");
    assert_eq!(write(&mut bench, flow, "hello")["error"]["code"], 1003);
    assert_eq!(written(&bench), 0);
}
