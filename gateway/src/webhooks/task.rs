//! What drives the desk: events as they happen, clocks, and tries that are under way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::warn;
use webtrunk_signalling::moment::Moment;

use super::cut_calls::{AT_ONCE, CutCalls};
use super::desk::{Desk, Due, Outcome, Try};
use super::post::post;
use super::spool::SpoolKeeper;
use super::thread::{FAREWELL, Left, Served, Settings, Shown};
use crate::config::Webhook;
use crate::outgoing::Line;
use crate::rest::events::{Hub, Numbered};

/// What serves the hooks.
pub(super) struct Task {
    desk: Desk,
    hub: Hub,
    live: broadcast::Receiver<Arc<Numbered>>,
    /// The number of the event that was heard last.
    last: u64,
    cut: CutCalls,
    settings: watch::Receiver<Settings>,
    reopened: u64,
    own: Arc<[IpAddr]>,
    shown: Shown,
    tries: JoinSet<(Outcome, Option<Line>)>,
    /// What each try is of.
    under_way: HashMap<Id, (Try, Arc<Webhook>)>,
    /// What is left of the last try, by the hook's name.
    lines: HashMap<String, Line>,
}

impl Task {
    /// Hears what happens from now on.
    pub(super) fn new(
        hub: Hub,
        mut settings: watch::Receiver<Settings>,
        Left { kept, cut }: Left,
        keeper: Option<Arc<dyn SpoolKeeper>>,
        shown: Shown,
    ) -> Self {
        let (_, _, live) = hub.listen(None, None);
        let Settings { served: Served { hooks, own }, reopened } = settings.borrow_and_update().clone();
        let desk = Desk::new(&hooks, kept, keeper, moment());
        let (tries, under_way, lines) = Default::default();
        Self { desk, hub, live, last: 0, cut, settings, reopened, own, shown, tries, under_way, lines }
    }

    /// Serves until it is told to finish, and then what is due.
    pub(super) async fn run(mut self, mut finishing: oneshot::Receiver<()>) {
        let mut end = None;
        loop {
            self.start_due();
            self.shown.show(self.desk.counts());
            if end.is_some() && !self.desk.is_busy(moment().now) {
                break;
            }
            let next = self.desk.poll_timeout().map(Instant::from_std);
            let cut_at = self.cut.poll_timeout().map(Instant::from_std);
            tokio::select! {
                heard = self.live.recv() => self.hear(heard),
                Ok(()) = self.settings.changed() => self.take_up(),
                Some(ended) = self.tries.join_next_with_id() => {
                    let own_fault = || (Outcome::Failed(OWN_FAULT.to_owned()), None);
                    let (id, (outcome, line)) = ended.unwrap_or_else(|error| (error.id(), own_fault()));
                    self.on_ended(id, outcome, line);
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                () = sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => self.tell_of_cut(AT_ONCE),
                _ = &mut finishing, if end.is_none() => {
                    self.tell_of_cut(usize::MAX);
                    self.hear_all();
                    end = Some(Instant::now() + FAREWELL);
                }
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break,
            }
        }
    }

    fn start_due(&mut self) {
        for Due { of, hook, message } in self.desk.poll(moment().now) {
            let (to, own, line) = (Arc::clone(&hook), Arc::clone(&self.own), self.lines.remove(&hook.name));
            let started = self.tries.spawn(async move { post(&to, &message, &own, line).await });
            self.under_way.insert(started.id(), (of, hook));
        }
    }

    fn on_ended(&mut self, id: Id, outcome: Outcome, line: Option<Line>) {
        let Some((of, hook)) = self.under_way.remove(&id) else { return };
        if let Some(line) = line.filter(|_| self.desk.has(&hook)) {
            self.lines.insert(hook.name.clone(), line);
        }
        self.desk.on_ended(&of, outcome, moment().now, rand::random());
    }

    fn take_up(&mut self) {
        let Settings { served, reopened } = self.settings.borrow_and_update().clone();
        self.own = served.own;
        // Each leads to where its hook was.
        self.lines.clear();
        self.desk.take_up(&served.hooks, moment().now);
        if reopened != self.reopened {
            self.reopened = reopened;
            self.desk.reopen(moment().now);
        }
    }

    fn hear(&mut self, heard: Result<Arc<Numbered>, RecvError>) {
        match heard {
            Ok(event) => self.take(&event),
            // The hub has kept most of them.
            Err(RecvError::Lagged(_)) => {
                let (kept, _, live) = self.hub.listen(Some(self.hub.name(self.last)), None);
                self.live = live;
                kept.iter().for_each(|event| self.take(event));
            }
            Err(RecvError::Closed) => unreachable!("the hub is ours as long as we are here"),
        }
    }

    /// Tells of so many calls that were cut, at most, and hears each of them before the next.
    fn tell_of_cut(&mut self, most: usize) {
        for _ in 0..most {
            if !self.cut.tell_next() {
                break;
            }
            self.hear_all();
        }
        self.cut.pause(moment().now);
    }

    /// Hears what has happened by now.
    fn hear_all(&mut self) {
        loop {
            match self.live.try_recv() {
                Ok(event) => self.take(&event),
                Err(TryRecvError::Lagged(events)) => self.hear(Err(RecvError::Lagged(events))),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn take(&mut self, event: &Numbered) {
        let Some(missed) = event.number.checked_sub(self.last + 1) else { return };
        self.last = event.number;
        if missed > 0 {
            warn!(events = missed, "too much happened at once, and no webhook is told of some of it");
            self.shown.add_missed(missed);
        }
        self.desk.take(event, &self.hub.name(event.number).to_string(), moment());
    }
}

/// Why a try ended that panicked.
const OWN_FAULT: &str = "it was tried in vain, by a fault of ours";

fn moment() -> Moment {
    Moment { now: std::time::Instant::now(), wall: SystemTime::now() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::time::timeout;
    use webtrunk_signalling::cdr::CallRecord;

    use super::super::post::tests::hook;
    use super::*;
    use crate::rest::calls::Numbers;
    use crate::rest::events::{Happening, Watcher};

    /// One whose receiver does not listen, so that nothing is ever taken.
    fn task(hub: &Hub) -> (Task, watch::Sender<Settings>) {
        task_after(hub, 0)
    }

    /// The same, where so many calls were cut.
    fn task_after(hub: &Hub, cut: usize) -> (Task, watch::Sender<Settings>) {
        let more = "allow_insecure = true\nnetworks = [\"127.0.0.1/32\"]";
        let hooks = [hook("http://127.0.0.1:9/", more)];
        let served = Served { hooks: hooks.into(), ..Served::default() };
        let (settings, changed) = watch::channel(Settings { served, reopened: 0 });
        let watcher = Watcher::new(hub.clone(), Numbers::default());
        let cut = CutCalls::new(watcher, (0..cut).map(record).collect());
        let left = Left { kept: Vec::new(), cut };
        (Task::new(hub.clone(), changed, left, None, Shown::default()), settings)
    }

    /// Of a call that was cut.
    fn record(number: usize) -> CallRecord {
        let record = json!({"id": format!("c{number}"), "origin": {"user": "a"}, "caller": "a", "destination": "1",
            "listener": "udp", "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 5, "talked_ms": 2, "clock_step": false,
            "timeline": {"segments": []}, "legs": [], "end": {"cause": "crash", "by": "crash"}});
        serde_json::from_value(record).expect("a record")
    }

    fn happens(hub: &Hub, times: usize) {
        (0..times).for_each(|_| hub.publish(Happening::Registration("a".to_owned(), 1), Vec::new()));
    }

    fn waiting(task: &Task) -> usize {
        task.desk.counts()[0].1.waiting
    }

    #[test]
    fn what_happens_faster_than_it_is_heard_is_told_as_far_as_it_is_kept_and_the_rest_is_counted() {
        let hub = Hub::default();
        let (mut task, _settings) = task(&hub);
        happens(&hub, 10);
        task.hear_all();
        // More than a stream may be behind, and all of it in the ring.
        happens(&hub, 1500);
        task.hear_all();
        assert_eq!((waiting(&task), task.shown.missed()), (1510, 0));
        happens(&hub, 3000);
        task.hear_all();
        assert_eq!((waiting(&task), task.shown.missed()), (3510, 1000));
        happens(&hub, 1);
        task.hear_all();
        assert_eq!((waiting(&task), task.last), (3511, 4511));
    }

    #[tokio::test]
    async fn however_many_calls_were_cut_each_is_told_of_and_no_stream_is_overrun() {
        let hub = Hub::default();
        // Twice as many as a stream may be behind.
        let cut = 8 * AT_ONCE;
        let (task, _settings) = task_after(&hub, cut);
        let (shown, (_, _, mut stream)) = (task.shown.clone(), hub.listen(None, None));
        let (finish, finishing) = oneshot::channel();
        let listening = async {
            for _ in 0..cut {
                stream.recv().await.expect("it keeps up");
            }
            finish.send(()).expect("it goes on");
        };
        let both = async { tokio::join!(task.run(finishing), listening) };
        timeout(Duration::from_secs(20), both).await.expect("all are told of");
        assert_eq!((shown.all()[0].1.waiting, shown.missed()), (cut, 0));
    }

    #[tokio::test]
    async fn the_end_tells_of_all_calls_that_were_cut() {
        let hub = Hub::default();
        // More than anybody may be behind, and more than the ring keeps.
        let (task, _settings) = task_after(&hub, 3000);
        let shown = task.shown.clone();
        let (finish, finishing) = oneshot::channel();
        finish.send(()).expect("it listens");
        task.run(finishing).await;
        assert_eq!((shown.all()[0].1.waiting, shown.missed()), (3000, 0));
    }

    #[tokio::test]
    async fn the_end_hears_all_and_waits_for_no_receiver_that_is_not_to_be_tried_now() {
        let hub = Hub::default();
        let (task, _settings) = task(&hub);
        let shown = task.shown.clone();
        happens(&hub, 2);
        let (finish, finishing) = oneshot::channel();
        finish.send(()).expect("it listens");
        let begin = Instant::now();
        task.run(finishing).await;
        assert_eq!(shown.all()[0].1.waiting, 2);
        assert!(begin.elapsed() < FAREWELL * 2, "{:?}", begin.elapsed());
    }
}
