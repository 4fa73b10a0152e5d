//! Pauses, and the time that goes by with them.

use roxmltree::Node;

use super::variables::Variables;
use crate::scenario::Length;

/// A pause.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pause {
    /// As long as whoever imports says, as with `sipp -d`.
    Usual,
    /// So many seconds.
    Fixed(f64),
    /// As many milliseconds as a variable has.
    Variable(String),
    /// By chance; and what is done otherwise then.
    Spread(Spread, Option<&'static str>),
    /// None that there is a word for, and why.
    Impossible(String),
}

/// Seconds by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spread {
    Uniform { min: f64, max: f64 },
    Exponential { mean: f64 },
}

/// Time from one moment of a call to another, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Elapsed {
    fixed: f64,
    spreads: Vec<Spread>,
}

/// An exponential pause is cut at so many times its mean: one in twenty thousand is longer.
const CUT: f64 = 10.0;

impl Pause {
    pub(super) fn read(node: Node<'_, '_>) -> Self {
        let seconds = |name: &str| node.attribute(name)?.trim().parse::<f64>().ok().map(|ms| ms / 1000.0);
        if let Some(name) = node.attribute("variable") {
            return Self::Variable(name.to_owned());
        }
        let kind = node.attribute("distribution").map(str::to_lowercase);
        let (min, max, mean) = (seconds("min"), seconds("max"), seconds("mean"));
        let bounds = min.zip(max).filter(|(min, max)| min <= max);
        let spread = match (kind.as_deref(), bounds) {
            (None, None) => {
                return match (node.attribute("milliseconds"), seconds("milliseconds")) {
                    (None, _) => Self::Usual,
                    (_, Some(seconds)) => Self::Fixed(seconds.max(0.0)),
                    (Some(text), None) => Self::Impossible(format!("{text:?} are no milliseconds")),
                };
            }
            (Some("fixed"), _) => return seconds("value").map_or(Self::Usual, |it| Self::Fixed(it.max(0.0))),
            (None | Some("uniform"), Some((min, max))) => Some((Spread::Uniform { min, max }, None)),
            (Some("exponential" | "negexp"), _) => mean.map(|mean| (Spread::Exponential { mean }, None)),
            (Some("normal"), _) => mean.zip(seconds("stdev")).map(|(mean, deviation)| {
                // The uniform distribution of the same mean and deviation.
                let half = deviation * 3.0_f64.sqrt();
                let spread = Spread::Uniform { min: (mean - half).max(0.0), max: mean + half };
                (spread, Some("is distributed evenly about its mean, with the same deviation"))
            }),
            _ => None,
        };
        match spread {
            Some((spread, otherwise)) => Self::Spread(spread, otherwise),
            None => Self::Impossible(format!(
                "has a distribution {:?} that our lengths do not have; they have fixed, uniform, exponential",
                kind.unwrap_or_default()
            )),
        }
    }
}

impl Spread {
    fn mean(self) -> f64 {
        match self {
            Self::Uniform { min, max } => f64::midpoint(min, max),
            Self::Exponential { mean } => mean,
        }
    }

    const fn bounds(self) -> (f64, f64) {
        match self {
            Self::Uniform { min, max } => (min, max),
            Self::Exponential { mean } => (0.0, CUT * mean),
        }
    }
}

impl Elapsed {
    /// Waits; what is done otherwise with it.
    ///
    /// # Errors
    /// There is no word for it: why.
    pub(super) fn wait(
        &mut self,
        pause: &Pause,
        usual: f64,
        variables: &Variables,
    ) -> Result<Option<&'static str>, String> {
        match pause {
            Pause::Usual => self.fixed += usual,
            Pause::Fixed(seconds) => self.fixed += seconds,
            Pause::Variable(name) => match variables.number(name) {
                Some(ms) => self.fixed += ms.max(0.0) / 1000.0,
                None => return Err(format!("lasts as long as ${name} says, which nobody knows before")),
            },
            Pause::Spread(spread, otherwise) => {
                self.spreads.push(*spread);
                return Ok(*otherwise);
            }
            Pause::Impossible(why) => return Err(why.clone()),
        }
        Ok(None)
    }

    /// On average.
    pub(super) fn mean(&self) -> f64 {
        self.fixed + self.spreads.iter().map(|it| it.mean()).sum::<f64>()
    }

    /// Whether chance has a part in it.
    pub(super) const fn is_by_chance(&self) -> bool {
        !self.spreads.is_empty()
    }

    /// As scenarios of ours say it, and whether that is exactly so.
    pub(super) fn length(&self) -> (Length, bool) {
        let fixed = self.fixed;
        match self.spreads[..] {
            [] => (Length::Fixed(fixed), true),
            [Spread::Exponential { mean }] => {
                (Length::Exponential { mean: fixed + mean, max: fixed + CUT * mean }, fixed == 0.0)
            }
            [Spread::Uniform { min, max }] => (Length::Uniform { min: fixed + min, max: fixed + max }, true),
            _ => {
                let bounds = self.spreads.iter().map(|it| it.bounds());
                let (min, max) = bounds.fold((fixed, fixed), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                (Length::Uniform { min, max }, false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn read(text: &str) -> Pause {
        Pause::read(Document::parse(text).expect("XML").root_element())
    }

    #[test]
    fn pauses_are_fixed_usual_by_chance_or_none() {
        assert_eq!(read("<pause/>"), Pause::Usual);
        assert_eq!(read("<pause milliseconds=\"1500\"/>"), Pause::Fixed(1.5));
        let backwards = "<pause distribution=\"fixed\" value=\"-1500\"/>";
        assert_eq!(read(backwards), Pause::Fixed(0.0), "time does not go back");
        assert_eq!(read("<pause variable=\"7\"/>"), Pause::Variable("7".to_owned()));
        let uniform = Pause::Spread(Spread::Uniform { min: 1.0, max: 2.0 }, None);
        assert_eq!(read("<pause min=\"1000\" max=\"2000\"/>"), uniform);
        assert_eq!(read("<pause distribution=\"uniform\" min=\"1000\" max=\"2000\"/>"), uniform);
        let Pause::Spread(Spread::Uniform { min, max }, Some(_)) =
            read("<pause distribution=\"normal\" mean=\"6000\" stdev=\"1000\"/>")
        else {
            panic!("about its mean")
        };
        assert!((min - 4.268).abs() < 0.001 && (max - 7.732).abs() < 0.001, "{min} {max}");
        for text in
            ["<pause milliseconds=\"soon\"/>", "<pause distribution=\"weibull\" lambda=\"1\" k=\"2\"/>"]
        {
            assert!(matches!(read(text), Pause::Impossible(_)), "{text}");
        }
    }

    #[test]
    fn time_adds_up_and_says_whether_it_is_exact() {
        let variables = Variables::default();
        let mut elapsed = Elapsed::default();
        for text in ["<pause/>", "<pause milliseconds=\"500\"/>"] {
            elapsed.wait(&read(text), 2.0, &variables).expect("known");
        }
        assert_eq!(elapsed.length(), (Length::Fixed(2.5), true));
        elapsed.wait(&read("<pause min=\"1000\" max=\"3000\"/>"), 2.0, &variables).expect("known");
        assert_eq!((elapsed.length(), elapsed.mean()), ((Length::Uniform { min: 3.5, max: 5.5 }, true), 4.5));
        let exponential = read("<pause distribution=\"exponential\" mean=\"1000\"/>");
        elapsed.wait(&exponential, 2.0, &variables).expect("known");
        assert_eq!(elapsed.length(), (Length::Uniform { min: 3.5, max: 15.5 }, false));
        assert!(elapsed.wait(&read("<pause variable=\"7\"/>"), 2.0, &variables).is_err());
    }
}
