//! A second opinion: an independent model of the bus reads the records of random runs and must come to the same.
//!
//! `EVENTLOOM_HISTORIES=10000 cargo test --release --no-default-features --test it opinion -- --nocapture` judges more of
//! them and prints what was seen how often.
//!
//! # How to add a rule
//!
//! 1. What the flow says goes into [`rules`]: a field that is read off the model types, never off the plan.
//! 2. What the rule remembers is a field of [`naive::Naive`] (or of an obligation, a visit, a node there); what it makes
//!    happen at an instant that is known is one more [`naive::Due`]: whoever notes it calls `expect`, the record that
//!    shows it calls `meet`, and an instant that ends without it is wrong by itself.
//! 3. The rule stands in the file of its theme, or in one of its own: `travelling` (links), `publishing` (the way to a
//!    queue), `delivering` (out of it), `waiting` (in another order than the log's), `settling` (acks, retries, dead
//!    letters), `handling` (nodes), `groups`, `retention`, `compaction`, `dedup`, `idempotence`, `replay`, `calling` (calls
//!    that links lose), `faults`, `edits`. A record that it brings is one more arm of `take`; what is wrong by the rule is
//!    said with its number.
//! 4. What must hold whenever time passes is asked in `end_of_instant`.
//! 5. `saw("a transition")` where it is judged, and the same words in [`COVERED`]; one more lie in [`lies`], one more bug in
//!    [`planted`]; and `tests/it/support/random_flow.rs` learns the setting.

mod calling;
mod compaction;
mod coverage;
mod dedup;
mod delivering;
mod edits;
mod faults;
mod golden;
mod groups;
mod handling;
mod history;
mod idempotence;
mod lies;
mod naive;
#[cfg(debug_assertions)]
mod planted;
mod publishing;
mod replay;
mod retention;
mod rules;
mod settling;
mod travelling;
mod waiting;

use std::io::Write as _;

use proptest::prelude::*;

use self::history::{History, Judged, STEPS, each_history};

/// A sentence for whoever reads why, unless it holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
pub(crate) use ensure;

/// Histories that the test command judges.
const HISTORIES: u32 = 2_000;
/// Where they come from.
const SEED: u64 = 7;

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn tell(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("a place to tell");
}

/// Transitions that must be among those that the model has judged: an opinion on nothing is none.
const COVERED: &[&str] = &[
    "accepted",
    "refused",
    "blocked",
    "delivered",
    "delivered again",
    "acked",
    "acked at hand-over",
    "acked while delayed",
    "acked while queued again",
    "call answered",
    "answered too late",
    "nack of an earlier attempt",
    "failed",
    "lost in its handler",
    "throttled",
    "tried again",
    "tried again, throttled",
    "tried again, broken",
    "ack overdue",
    "dead-lettered",
    "dropped",
    "undecodable",
    "pushed out of a full queue",
    "too many hops",
    "evicted",
    "evicted when it came back",
    "buried",
    "emitted later",
    "answer of an old generation",
    "answer to a bus that is gone",
    "call lost in a crash",
    "cold start",
    "delivered anew",
    "edited",
    "lost in a crash at the door",
    "lost in a crash before a full queue",
    "lost in a crash on the wire",
    "lost in a crash when answered",
    "lost in a crash while handled",
    "no destination",
    "owed from earlier on",
    "provisioned",
    "purged",
    "rebalanced",
    "reclaimed",
    "skewed",
    "slowed",
    "taken back",
    "tried again, callee gone",
    "turned away",
    "unblocked",
    "postponed",
    "expired",
    "expired out of sight",
    "a gap in the order",
    "held back by its key",
    "overtakes",
    "sought",
    "read again",
    "muted",
    "called anew",
    "call given up on its way",
    "known already",
    "no key",
    "consumed",
    "superseded",
    "deleted",
    "out of range",
    "recognised",
    "recognised at its end",
];

#[test]
fn an_independent_model_comes_to_the_same_records() {
    let count = number_from("EVENTLOOM_HISTORIES").map_or(HISTORIES, |count| count as u32);
    let seed = number_from("EVENTLOOM_SEED").unwrap_or(SEED);
    let mut judged = Judged::default();
    let mut whole = 0;
    each_history(count, seed, |case| {
        let mut history = History::play(case);
        history.settle();
        whole += u32::from(history.is_whole());
        match history.judge(&history.run.kept.records) {
            Ok(model) => {
                judged.add(&model);
                let whole = history.is_settled(&model).and_then(|()| history.repeats(case));
                whole.map_err(|wrong| TestCaseError::fail(history.with_story(usize::MAX - 1, &wrong)))
            }
            Err((ix, wrong)) => Err(TestCaseError::fail(history.with_story(ix, &wrong))),
        }
    });
    tell(&format!("{count} histories of seed {seed}, {whole} of them to their end, the others for {STEPS} steps"));
    for (what, count) in &judged.seen {
        tell(&format!("{count:>9} {what}"));
    }
    tell(&judged.cells.table());
    if count >= HISTORIES {
        let missing: Vec<_> = COVERED.iter().filter(|what| !judged.seen.contains_key(*what)).collect();
        assert!(missing.is_empty(), "never judged: {missing:?}");
        let gaps = judged.cells.gaps();
        assert!(gaps.is_empty(), "{}", gaps.join("\n"));
    }
}
