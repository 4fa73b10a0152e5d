//! Whom what is told, kept and sent, in virtual time and without a network.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use webtrunk_signalling::lock::lock;

use super::super::post::tests::hook;
use super::*;
use crate::rest::events::{EventKind, Happening, Hub};

/// What is kept, by its place, and how many changes made it so.
struct Rows(Mutex<BTreeMap<u64, Kept>>, AtomicUsize);

impl SpoolKeeper for Rows {
    fn keep(&self, change: SpoolChange) {
        let mut rows = lock(&self.0);
        self.1.fetch_add(1, Ordering::Relaxed);
        match change {
            SpoolChange::Waits(kept) => drop(rows.insert(kept.seq, kept)),
            SpoolChange::Over(seq) => drop(rows.remove(&seq)),
            SpoolChange::OverRun { hook, from, to } => {
                rows.retain(|seq, kept| kept.hook != hook || !(from..=to).contains(seq));
            }
        }
    }
}

/// A desk, what happens, and how receivers answer.
struct Stage {
    desk: Desk,
    rows: Arc<Rows>,
    hub: Hub,
    now: Instant,
    /// What is on its way, for ever where it is not answered.
    under_way: Vec<Due>,
    sent: Vec<String>,
}

#[derive(Clone, Copy)]
enum Answer {
    Takes,
    Fails,
    IsGone,
    Hangs,
}

impl Stage {
    fn new(hooks: &[Webhook], kept: Vec<Kept>) -> Self {
        let now = Instant::now();
        let rows = Mutex::new(kept.iter().cloned().map(|kept| (kept.seq, kept)).collect());
        let rows = Arc::new(Rows(rows, AtomicUsize::new(0)));
        let desk = Desk::new(hooks, kept, Some(rows.clone()), moment(now));
        Self { desk, rows, hub: Hub::default(), now, under_way: Vec::new(), sent: Vec::new() }
    }

    /// A user can be reached somewhere else.
    fn happens(&mut self, user: &str) {
        let happening = Happening::Registration(user.to_owned(), 1);
        let customers = happening.customers();
        let (_, _, mut live) = self.hub.listen(None, None);
        self.hub.publish(happening, customers);
        let event = live.try_recv().expect("it was told");
        let id = self.hub.name(event.number).to_string();
        self.desk.take(&event, &id, moment(self.now));
    }

    /// Lets time pass while receivers answer so; what they were sent.
    fn run(&mut self, length: Duration, answer: impl Fn(&Webhook) -> Answer) -> Vec<String> {
        let end = self.now + length;
        loop {
            self.under_way.extend(self.desk.poll(self.now));
            let answered: Vec<_> =
                self.under_way.extract_if(.., |due| !matches!(answer(&due.hook), Answer::Hangs)).collect();
            for Due { of, hook, message } in &answered {
                let number = message.id.split_once('-').map_or("", |(_, number)| number);
                self.sent.push(format!("{} {number}", hook.name));
                let outcome = match answer(hook) {
                    Answer::Takes => Outcome::Taken,
                    Answer::IsGone => Outcome::Gone,
                    Answer::Fails | Answer::Hangs => Outcome::Failed("it answers 503".to_owned()),
                };
                self.desk.on_ended(of, outcome, self.now, 0.0);
            }
            if answered.is_empty() {
                match self.desk.poll_timeout().filter(|next| *next <= end) {
                    Some(next) => self.now = next.max(self.now),
                    None => break,
                }
            }
        }
        self.now = end;
        std::mem::take(&mut self.sent)
    }

    /// What waits in the rows: the hook and the number of each.
    fn waits(&self) -> Vec<String> {
        let number = |id: &str| id.split_once('-').map(|(_, number)| number.to_owned()).unwrap_or_default();
        lock(&self.rows.0)
            .values()
            .map(|kept| format!("{} {}", kept.hook, number(&kept.message.id)))
            .collect()
    }

    /// How many changes have been noted.
    fn changes(&self) -> usize {
        self.rows.1.load(Ordering::Relaxed)
    }

    fn counts(&self, hook: &str) -> Counts {
        let all = self.desk.counts();
        all.into_iter().find_map(|(name, counts)| (name == hook).then_some(counts)).expect("it is there")
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn moment(now: Instant) -> Moment {
    Moment { now, wall: SystemTime::now() }
}

fn named(name: &str) -> Webhook {
    Webhook { name: name.to_owned(), ..hook("http://crm.example/", "allow_insecure = true") }
}

fn kept(seq: u64, hook: &str, until_ms: i64) -> Kept {
    let message = Message { id: format!("old-{seq}"), body: "{}".into() };
    Kept { seq, hook: hook.to_owned(), customer: None, message, until_ms }
}

#[test]
fn each_hook_is_told_what_is_its_own_and_of_the_kinds_that_it_wants() {
    let beta = Webhook { customer: Some("beta".to_owned()), ..named("beta") };
    let calls = Webhook { kinds: [EventKind::CallEnded].into(), ..named("calls") };
    let mut stage = Stage::new(&[named("all"), beta, calls], Vec::new());
    for user in ["acme+alice", "beta+bob", "operator"] {
        stage.happens(user);
    }
    assert_eq!(stage.waits(), ["all 1", "all 2", "beta 2", "all 3"]);
    assert_eq!(stage.run(HOUR, |_| Answer::Takes), ["all 1", "beta 2", "all 2", "all 3"]);
    assert!(stage.waits().is_empty());
    assert_eq!(stage.counts("all"), Counts { delivered: 3, ..Counts::default() });
}

#[test]
fn a_receiver_that_is_down_gets_all_in_order_once_it_is_up_and_holds_up_no_other() {
    let mut stage = Stage::new(&[named("down"), named("hangs"), named("up")], Vec::new());
    stage.happens("a");
    stage.happens("b");
    let answer = |hook: &Webhook| match hook.name.as_str() {
        "down" => Answer::Fails,
        "hangs" => Answer::Hangs,
        _ => Answer::Takes,
    };
    let sent = stage.run(Duration::from_secs(10), answer);
    assert_eq!(sent, ["down 1", "up 1", "up 2", "down 1", "down 1", "down 1"], "after 1, 3 and 7 s");
    assert_eq!(stage.waits(), ["down 1", "hangs 1", "down 2", "hangs 2"]);
    let counts = stage.counts("down");
    assert_eq!((counts.failures, counts.is_down, counts.waiting), (4, true, 2));
    assert_eq!(stage.run(HOUR, |_| Answer::Takes), ["hangs 1", "hangs 2", "down 1", "down 2"]);
    assert!(stage.waits().is_empty());
    assert_eq!((stage.counts("down").is_down, stage.counts("down").delivered), (false, 2));
}

#[test]
fn what_waits_too_long_is_given_up_and_counted() {
    let short = Webhook { give_up: Duration::from_secs(10), ..named("short") };
    let mut stage = Stage::new(&[named("long"), short], Vec::new());
    stage.happens("a");
    stage.run(Duration::from_secs(30), |_| Answer::Fails);
    assert_eq!((stage.waits(), stage.counts("short").given_up), (vec!["long 1".to_owned()], 1));
}

#[test]
fn what_an_earlier_process_left_is_sent_first_by_its_old_name_and_of_hooks_that_are_no_more_is_forgotten() {
    let later = Stamp::from(SystemTime::now()).plus_ms(3_600_000).ms();
    let rows = vec![kept(9, "crm", later), kept(7, "crm", later), kept(8, "away", later), kept(5, "crm", 0)];
    let mut stage = Stage::new(&[named("crm")], rows);
    stage.happens("a");
    assert_eq!(stage.waits(), ["crm 5", "crm 7", "crm 9", "crm 1"], "behind all others");
    assert_eq!(stage.run(HOUR / 2, |_| Answer::Takes), ["crm 7", "crm 9", "crm 1"]);
    assert!(stage.waits().is_empty());
    assert_eq!((stage.counts("crm").delivered, stage.counts("crm").given_up), (3, 1));
}

#[test]
fn a_reload_takes_hooks_up_without_loss_and_tries_those_again_that_are_gone() {
    let both = [named("away"), named("crm")];
    let mut stage = Stage::new(&both, Vec::new());
    stage.happens("a");
    assert_eq!(stage.run(HOUR, |_| Answer::IsGone), ["away 1", "crm 1"]);
    stage.happens("b");
    assert!(stage.run(HOUR, |_| Answer::Takes).is_empty());
    assert!(stage.counts("crm").is_down);
    // The same again: whoever changes users has nothing to do with it.
    stage.desk.take_up(&both, stage.now);
    assert!(stage.run(HOUR, |_| Answer::Takes).is_empty());
    stage.desk.reopen(stage.now);
    assert_eq!(stage.run(HOUR, |_| Answer::Takes), ["away 1", "crm 1", "away 2", "crm 2"]);
    // One goes, another comes, and the third is elsewhere by now, while it is being sent something.
    stage.happens("c");
    assert!(stage.run(Duration::from_secs(1), |_| Answer::Hangs).is_empty());
    let target = hook("http://other.example/", "allow_insecure = true").target;
    stage.desk.take_up(&[Webhook { target, ..named("crm") }, named("new")], stage.now);
    assert_eq!(stage.waits(), ["crm 3"]);
    let sent = stage
        .run(HOUR, |hook| if hook.target.host == "other.example" { Answer::Takes } else { Answer::Fails });
    assert_eq!(
        sent,
        ["away 3", "crm 3", "crm 3"],
        "what was on its way to where they were, and then to where it is"
    );
    stage.happens("d");
    assert_eq!(stage.run(HOUR, |_| Answer::Takes), ["crm 4", "new 4"]);
    assert!(stage.waits().is_empty());
}

#[test]
fn what_one_was_to_be_told_is_forgotten_where_the_hook_is_another_customers_by_now() {
    let of = |customer: &str| Webhook { customer: Some(customer.to_owned()), ..named("crm") };
    let mut stage = Stage::new(&[named("crm")], Vec::new());
    stage.happens("beta+bob");
    stage.happens("acme+alice");
    assert!(stage.run(Duration::from_secs(1), |_| Answer::Hangs).is_empty());
    stage.desk.take_up(&[of("acme")], stage.now);
    assert!(stage.waits().is_empty());
    stage.happens("acme+alice");
    assert_eq!(stage.run(HOUR, |_| Answer::Takes), ["crm 1", "crm 3"], "the first was on its way");
    assert_eq!(stage.counts("crm"), Counts { delivered: 1, ..Counts::default() });

    // The same over a restart, where a change was not written: what is older is of a time before it.
    let later = Stamp::from(SystemTime::now()).plus_ms(3_600_000).ms();
    let acmes = || Kept { customer: Some("acme".to_owned()), ..kept(5, "crm", later) };
    let rows = || vec![kept(4, "crm", later), acmes(), kept(6, "other", later)];
    let mut stage = Stage::new(&[of("acme"), named("other")], rows());
    assert_eq!(stage.waits(), ["crm 5", "other 6"]);
    assert_eq!(stage.run(HOUR / 2, |_| Answer::Takes), ["crm 5", "other 6"]);
    assert_eq!(Stage::new(&[named("crm"), named("other")], rows()).waits(), ["other 6"]);
    let back = [rows(), vec![kept(7, "crm", later)]].concat();
    assert_eq!(Stage::new(&[named("crm"), named("other")], back).waits(), ["other 6", "crm 7"]);
}

#[test]
fn however_much_waits_for_a_hook_it_is_given_up_and_forgotten_by_one_change() {
    let short = Webhook { give_up: Duration::from_secs(10), ..named("short") };
    let mut stage = Stage::new(&[named("long"), short], Vec::new());
    (0..100).for_each(|_| stage.happens("a"));
    let noted = stage.changes();
    assert_eq!((noted, stage.waits().len()), (200, 200));
    // Those that happened within a millisecond end within one.
    stage.now += Duration::from_secs(60);
    stage.run(Duration::from_secs(1), |_| Answer::Fails);
    assert_eq!((stage.changes() - noted, stage.waits().len()), (1, 100));
    stage.desk.take_up(&[], stage.now);
    assert_eq!((stage.changes() - noted, stage.waits().len()), (2, 0));
    let later = Stamp::from(SystemTime::now()).plus_ms(3_600_000).ms();
    let stage = Stage::new(&[], (1..=100).map(|seq| kept(seq, "away", later)).collect());
    assert_eq!((stage.changes(), stage.waits().len()), (1, 0));
}

#[test]
fn how_a_try_ended_that_began_before_a_reload_says_nothing_of_who_is_there_by_now() {
    let target = hook("http://other.example/", "allow_insecure = true").target;
    let elsewhere = [Webhook { target, ..named("crm") }];
    for old in [Answer::IsGone, Answer::Fails] {
        let mut stage = Stage::new(&[named("crm")], Vec::new());
        stage.happens("a");
        assert!(stage.run(Duration::from_secs(1), |_| Answer::Hangs).is_empty());
        stage.desk.take_up(&[named("crm")], stage.now);
        assert!(stage.desk.has(&stage.under_way[0].hook), "it is the same");
        stage.desk.take_up(&elsewhere, stage.now);
        assert!(!stage.desk.has(&stage.under_way[0].hook), "no connection of the one is used for the other");
        let answer = |hook: &Webhook| if hook.target.host == "other.example" { Answer::Takes } else { old };
        assert_eq!(stage.run(Duration::ZERO, answer), ["crm 1", "crm 1"], "at once");
        assert_eq!(stage.counts("crm"), Counts { delivered: 1, ..Counts::default() });
    }
}
