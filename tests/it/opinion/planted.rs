//! Bugs are planted in the machine itself, one at a time: the model has to notice each of them.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use eventloom::kernel::planted::{Planted, with};

use super::history::{History, cases};
use super::tell;
use crate::support::random_flow::Case;

/// Histories that are searched for one that gives a bug away.
const SEARCHED: usize = 1_000;
const SEED: u64 = 3;

/// What is wrong with a history in which this bug is planted, if that is noticed.
fn noticed(bug: Planted, case: &Case) -> Option<String> {
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let history = with(bug, || {
            let mut history = History::play(case);
            history.settle();
            history
        });
        match history.judge(&history.run.kept.records) {
            Ok(model) => history.is_settled(&model).err(),
            Err((_, wrong)) => Some(wrong),
        }
    }));
    judged.unwrap_or_else(|_| Some("the machine's own assertions".to_owned()))
}

#[test]
fn every_planted_bug_is_noticed() {
    let cases: Vec<Case> = cases(SEED).take(SEARCHED).collect();
    let mut table = format!("{:<26} {:>7}  what gave it away", "planted", "history");
    let mut unnoticed = Vec::new();
    for bug in Planted::ALL {
        let found = cases.iter().enumerate().find_map(|(number, case)| Some((number, noticed(*bug, case)?)));
        let name = format!("{bug:?}");
        match found {
            Some((number, wrong)) => {
                let wrong: String = wrong.lines().next().unwrap_or_default().chars().take(100).collect();
                write!(table, "\n{name:<26} {number:>7}  {wrong}").expect("text grows");
            }
            None => unnoticed.push(name),
        }
    }
    tell(&format!("histories of seed {SEED}\n{table}"));
    assert!(Planted::ALL.len() >= 20, "few bugs to plant");
    assert!(unnoticed.is_empty(), "not noticed in {SEARCHED} histories: {unnoticed:?}");
}
