//! Everything that is wrong or doubtful in a flow, found at once.
//!
//! Each file below looks at one side of a flow and adds what it finds; none stops at the first. All of them see the flow
//! through one [`wiring::Wiring`], so that a flow of ten thousand nodes is looked at once and not once a node.

mod distributions;
mod events;
mod expectations;
mod expressions;
mod faults;
mod groups;
mod guards;
mod routes;
mod secrets;
mod settings;
mod topics;
mod traffic;
mod waiting;
mod wiring;

use crate::model::Flow;

use self::routes::Routes;
use self::wiring::Wiring;
use super::problem::{Place, Problem, Severity};

/// All problems of a flow: errors first, then in the order of the file.
///
/// An empty flow has none, and neither has a sound simple one. A flow with errors cannot run; a warning says that it
/// hardly does what its author wants.
pub fn check(flow: &Flow) -> Vec<Problem> {
    let wiring = Wiring::new(flow);
    let routes = Routes::new(&wiring);
    let mut findings = Findings::default();
    settings::check(&wiring, &mut findings);
    expressions::check(flow, &mut findings);
    events::check(flow, &mut findings);
    secrets::check(flow, &mut findings);
    routes.check(&wiring, &mut findings);
    groups::check(&wiring, &routes, &mut findings);
    waiting::check(&wiring, &routes, &mut findings);
    topics::check(&wiring, &routes, &mut findings);
    traffic::check(&wiring, &routes, &mut findings);
    guards::check(&wiring, &mut findings);
    faults::check(flow, &mut findings);
    expectations::check(flow, &mut findings);
    findings.in_order()
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    problems: Vec<Problem>,
}

impl Findings {
    /// The flow cannot run with this.
    fn error(&mut self, at: Place, code: &'static str, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem { severity: Severity::Error, at, code, what: what.into(), hint: hint.into() });
    }

    /// The flow runs with this, but hardly as intended.
    fn warning(&mut self, at: Place, code: &'static str, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem { severity: Severity::Warning, at, code, what: what.into(), hint: hint.into() });
    }

    fn in_order(mut self) -> Vec<Problem> {
        // The parts of a file in their order.
        let part = |place: &Place| match place {
            Place::Flow => 0,
            Place::Event(..) => 1,
            Place::Node(..) => 2,
            Place::Link(..) => 3,
            Place::Fault(..) => 4,
            Place::Expectation(..) => 5,
        };
        let key = |problem: &Problem| (problem.severity, part(&problem.at));
        self.problems
            .sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.at.cmp(&b.at)).then_with(|| a.code.cmp(b.code)));
        self.problems
    }
}

/// The candidate that a writer of `name` most likely meant, as a question; empty if none is near.
fn did_you_mean<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    // Enough to find a slip of the pen, few enough to stay quick where there are thousands.
    const CANDIDATES: usize = 200;
    let near = candidates
        .take(CANDIDATES)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min();
    near.map_or_else(String::new, |(_, candidate)| format!("Did you mean “{candidate}”?"))
}

/// Names in a sentence: `“a”, “b” and 3 more`.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 4;
    let names: Vec<&str> = names.collect();
    let quoted: Vec<String> = names.iter().take(SHOWN).map(|name| format!("“{name}”")).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > SHOWN => format!("{} and {} more", quoted.join(", "), count - SHOWN),
        _ => match quoted.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        },
    }
}
