//! A scenario among several load testers: whether it suffices for so many, and what each has of it.

use std::net::IpAddr;

use crate::scenario::{AGENT, Arrival, CALL, Scenario, Share};

/// Why a scenario does not suffice for so many; each with its key and cure.
pub(super) fn faults(scenario: &Scenario, of: usize) -> Vec<String> {
    if !(Share { index: 0, of }).is_sound() {
        return vec![format!("--agents {of} is out of bounds; give 1 to {}", Share::OF_MAX)];
    }
    let mut faults = Vec::new();
    let mut check = |key: String, there: usize| {
        if there < of {
            faults.push(format!(
                "{key}: {there} is too few for {of} agents; give {of} or more, or take fewer agents"
            ));
        }
    };
    check("limits.calls".to_owned(), scenario.calls);
    check("limits.at_once".to_owned(), scenario.at_once);
    let is_used =
        |name: &str| scenario.traffic.iter().any(|it| it.from == name || it.to.as_deref() == Some(name));
    for population in scenario.populations.iter().filter(|it| is_used(&it.name)) {
        check(format!("agents {:?}: count", population.name), population.count);
    }
    for traffic in &scenario.traffic {
        if let Some(calls) = traffic.arrival.closed() {
            check(format!("traffic {:?}: arrival.closed", traffic.name), calls);
        }
    }
    for traffic in scenario.traffic.iter().filter(|it| of > 1 && it.to.is_some()) {
        // Each agent answers its own calls, so the target has to know whose a number is.
        for destination in traffic.destinations.iter().filter(|it| it.contains(CALL) && !it.contains(AGENT)) {
            faults.push(format!(
                "traffic {:?}: destination {destination:?} does not tell which agent answers; put {AGENT} into it, as in \
                 \"7{AGENT}{CALL}\", and have the target route by it",
                traffic.name
            ));
        }
    }
    faults
}

/// What one has of it. `address` is where its phones and media are, in place of what the scenario says.
pub(super) fn shared(mut scenario: Scenario, share: Share, address: Option<IpAddr>) -> Scenario {
    scenario.share = share;
    scenario.calls = share.part(scenario.calls);
    scenario.at_once = share.part(scenario.at_once);
    let index = format!("{:02}", share.index);
    for traffic in &mut scenario.traffic {
        for destination in &mut traffic.destinations {
            *destination = destination.replace(AGENT, &index);
        }
        if let Some(calls) = traffic.arrival.closed() {
            traffic.arrival = Arrival::Closed(share.part(calls));
        }
    }
    if let Some(address) = address {
        for population in &mut scenario.populations {
            population.bind.set_ip(address);
            population.media_address = Some(address);
        }
    }
    scenario
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::scenario::Arrivals;

    const TEXT: &str = "[limits]\ncalls = 10\nseconds = 20\nat_once = 7\n[target]\nsip = \"127.0.0.1:5060\"\n\
        [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 5\n\
        accounts = { user = \"u{n}\", password = \"p{n}\", first = 100 }\n\
        [[agents]]\nname = \"phones\"\nkind = \"phone\"\nrole = \"answerer\"\ncount = 3\nbind = \"127.0.0.1:5080\"\n\
        [[traffic]]\nfrom = \"callers\"\nto = \"phones\"\ndestination = \"7{agent}{call}\"\n\
        arrival = { closed = 4 }\nlength = { fixed = 3 }\n";

    fn scenario(text: &str) -> Scenario {
        Scenario::parse(Path::new("it.toml"), text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn parts(of: usize) -> Vec<Scenario> {
        (0..of).map(|index| shared(scenario(TEXT), Share { index, of }, None)).collect()
    }

    #[test]
    fn bounds_hold_over_all_and_nobody_is_two() {
        for of in [1, 2, 3] {
            let parts = parts(of);
            assert_eq!(parts.iter().map(|it| it.calls).sum::<usize>(), 10);
            assert_eq!(parts.iter().map(|it| it.at_once).sum::<usize>(), 7);
            let closed = parts.iter().filter_map(|it| it.traffic[0].arrival.closed());
            assert_eq!(closed.sum::<usize>(), 4);
            let agents = |population: usize| {
                parts.iter().flat_map(move |it| {
                    let population = &it.populations[population];
                    let agents = it.share.agents(population.count);
                    agents.map(move |at| (population.accounts.user(at), population.bind_of(at)))
                })
            };
            let users: HashSet<_> = agents(0).map(|(user, _)| user).collect();
            assert_eq!((users.len(), agents(0).count()), (5, 5));
            let ports: HashSet<_> = agents(1).map(|(_, at)| at.port()).collect();
            assert_eq!(ports, HashSet::from([5080, 5081, 5082]));
        }
    }

    #[test]
    fn numbers_tell_whose_they_are() {
        let dialled: Vec<_> =
            parts(2).iter().map(|it| it.traffic[0].destination_of(0, it.share.number(3), "")).collect();
        assert_eq!(dialled, ["70000006", "70100007"]);
        assert_eq!(scenario(TEXT).traffic[0].destination_of(0, 3, ""), "70000003");
    }

    #[test]
    fn each_number_of_a_list_tells_whose_it_is() {
        let one = "\"7{agent}{call}\"";
        let with = |list: &str| {
            assert!(TEXT.contains(one), "{one}");
            scenario(&TEXT.replacen(one, list, 1))
        };
        let own = shared(with("[\"7{agent}{call}\", \"8{agent}{call}\"]"), Share { index: 1, of: 2 }, None);
        let dialled: Vec<_> =
            (0..3).map(|turn| own.traffic[0].destination_of(turn, 2 * turn + 1, "")).collect();
        assert_eq!(dialled, ["70100001", "80100003", "70100005"]);
        let found = faults(&with("[\"7{agent}{call}\", \"8{call}\"]"), 2);
        let expected = "destination \"8{call}\" does not tell which agent answers";
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }

    /// The load of all is that of one: no burst where they begin together.
    #[test]
    fn together_they_draw_the_arrivals_that_one_would() {
        let arrival = Arrival::Poisson(5.0);
        let times = |share: Share| -> Vec<Duration> {
            let mut arrivals = Arrivals::new(arrival.clone(), 7);
            let all = (0..300).filter_map(|nth| Some((nth, arrivals.next_at()?)));
            all.filter(|(nth, _)| share.takes(*nth)).map(|(_, at)| at).collect()
        };
        let mut together: Vec<_> = (0..3).flat_map(|index| times(Share { index, of: 3 })).collect();
        together.sort_unstable();
        assert_eq!(together, times(Share::WHOLE));
        assert_eq!(times(Share { index: 1, of: 3 }).len(), 100);
    }

    #[test]
    fn what_does_not_suffice_is_told_with_its_key_and_cure() {
        let faults = |of: usize, from: &str, to: &str| {
            assert!(TEXT.contains(from), "{from}");
            faults(&scenario(&TEXT.replacen(from, to, 1)), of)
        };
        assert_eq!(faults(3, "calls = 10", "calls = 10"), Vec::<String>::new());
        for (from, to, key) in [
            ("calls = 10", "calls = 2", "limits.calls: 2 is too few for 3 agents; give 3"),
            ("count = 5", "count = 2", "agents \"callers\": count: 2 is too few"),
            ("count = 3", "count = 1", "agents \"phones\": count: 1 is too few"),
            ("closed = 4", "closed = 2", "traffic \"callers to phones\": arrival.closed: 2 is too few"),
            (
                "7{agent}{call}",
                "7{call}",
                "destination \"7{call}\" does not tell which agent answers; put {agent}",
            ),
        ] {
            let found = faults(3, from, to);
            assert!(found.len() == 1 && found[0].contains(key), "{found:?}");
        }
        assert!(faults(1, "7{agent}{call}", "7{call}").is_empty(), "one needs no word for itself");
        assert!(
            faults(71, "calls = 10", "calls = 100")[0].contains("--agents 71 is out of bounds; give 1 to 70")
        );
    }

    #[test]
    fn an_agent_is_where_its_machine_is() {
        let address = IpAddr::from([10, 0, 0, 7]);
        let own = shared(scenario(TEXT), Share { index: 1, of: 2 }, Some(address));
        assert_eq!(own.populations[1].bind_of(1).to_string(), "10.0.0.7:5081");
        assert_eq!(own.populations[0].media_address, Some(address));
    }
}
