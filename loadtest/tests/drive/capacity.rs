//! The knee of a gateway that is known: it has room for so many calls.

use tokio::sync::watch;
use webtrunk_loadtest::capacity::{Held, Search, capacity};
use webtrunk_loadtest::drive::Stop;

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::{free_address, scenario};

#[tokio::test(flavor = "multi_thread")]
async fn the_load_is_raised_until_the_gateway_has_no_room() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::HasRoomForThree).await;
    let traffic = "arrival = { closed = 1 }\nlength = { fixed = 1.5 }";
    let mut scenario = scenario(gateway.address(), phone, traffic);
    (scenario.calls, scenario.time) = (1000, std::time::Duration::from_secs(3));
    // A machine that runs tests is late; here refusals alone count.
    scenario.thresholds.faulty_percent_max = Some(100.0);
    let search = Search::new(8.0, 2);
    let stopper = watch::Sender::new(Stop::Going);
    let report = capacity("test.toml", &scenario, search, Some(std::process::id()), &stopper, |_| ())
        .await
        .expect("ports");
    assert!(report.steps.len() >= 3, "{:?}", report.found);
    for step in &report.steps {
        // The gateway is in this process.
        assert!(
            step.target_rss_mib.is_some_and(|it| it > 1.0) && step.target_cpu_percent.is_some(),
            "{step:?}"
        );
        assert!(step.curve.iter().any(|it| it.up > 0 && it.target_rss_mib.is_some()), "{:?}", step.curve);
        assert!(step.fitness.packets > 0, "{:?}", step.fitness);
    }
    // A load tester that was late says nothing of the target: then the search ends below.
    if report.steps.iter().all(|step| step.held != Held::Unfit) {
        assert!(report.found.held.is_some_and(|it| (2.0..3.5).contains(&it)), "{:?}", report.found);
        assert!(report.found.broke.is_some_and(|it| it <= 4.0), "{:?}", report.found);
        // What held once is tried again.
        assert_eq!((report.found.tries, report.found.times_held), (2, 2), "{:?}", report.found);
        let four = report.steps.iter().find(|step| step.factor > 3.9).expect("four at a time were tried");
        assert!(four.summary.causes.keys().any(|it| it.contains("503")), "{:?}", four.summary);
    }
}
