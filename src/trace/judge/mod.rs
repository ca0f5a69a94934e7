//! The judge: what was expected of a run, held against its records as they come.
//!
//! Each [`Question`] is a fold of its own over records, and names the first event, instant and place at which it was
//! answered with no. It never asks the machine; only at the end the ledger has a word, so that a way to lose something that
//! no record names is found all the same.

mod book;
mod folds;
mod loss;
mod turn;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use self::book::Book;
use self::folds::Fold;
use super::histogram::Histogram;
use super::ledger::Ledger;
use super::observer::Observer;
use super::record::{Record, What};
use super::shape::Shape;
use super::ways::{KeyRef, Reason};
use crate::model::{Chance, Counted, EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime, SubIx};

pub use self::book::REMEMBERED;

/// What is expected, in the handles of a run.
#[derive(Clone, Debug)]
pub enum Question {
    /// Nothing is lost.
    NothingLost(Reach),
    /// Events with the same key, of one subscription and topic, are handled in the order in which they were published.
    InOrder(Reach),
    /// No event is handled twice for one subscription.
    Once(Reach),
    /// At most so many dead letters.
    DeadLetters {
        /// The queue; unset means all of them together.
        at: Option<NodeIx>,
        /// How many there may be.
        at_most: u64,
    },
    /// A share of all journeys takes no longer than a time.
    Latency {
        /// Where they begin.
        from: NodeIx,
        /// Where they end.
        to: NodeIx,
        /// Which share.
        share: Chance,
        /// How long it may take.
        within: SimDuration,
    },
    /// Every event of a type is followed by one of another type with the same root cause.
    Follows {
        /// The type of the first.
        every: EventTypeIx,
        /// The type of what has to follow.
        by: EventTypeIx,
        /// After how long at the latest.
        within: SimDuration,
        /// Whether both must have the same key.
        same_key: bool,
        /// Which of the first ones it is about.
        when: Option<When>,
    },
    /// At most so many events of a subscription are open, at any time that lasts.
    Lag {
        /// The subscription or inbox.
        of: SubIx,
        /// How many there may be.
        at_most: u64,
    },
    /// A node does something so often.
    Count {
        /// The node.
        at: NodeIx,
        /// What.
        of: Counted,
        /// Only with events of this type.
        event: Option<EventTypeIx>,
        /// Only with events of which this is true.
        when: Option<When>,
        /// How often at least, by the end.
        at_least: u64,
        /// How often at most.
        at_most: Option<u64>,
    },
}

/// What a question is about: subscriptions, and links on which something could be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether it is the whole flow; then the lists below say nothing, but for `hand_over`.
    pub everything: bool,
    /// Subscriptions and inboxes.
    pub subs: Vec<SubIx>,
    /// Links.
    pub links: Vec<LinkIx>,
    /// Dead-letter queues.
    pub queues: Vec<NodeIx>,
    /// Links of subscriptions that settle at hand-over: what is lost there is lost for good.
    pub hand_over: Vec<LinkIx>,
}

impl Reach {
    fn has_sub(&self, sub: SubIx) -> bool {
        self.everything || self.subs.contains(&sub)
    }

    fn has_link(&self, link: LinkIx) -> bool {
        self.everything || self.links.contains(&link)
    }

    fn has_queue(&self, node: NodeIx) -> bool {
        self.everything || self.queues.contains(&node)
    }
}

/// Which events a question is about.
#[derive(Clone)]
pub struct When(Arc<dyn Fn(&Seen<'_>) -> bool + Send + Sync>);

impl When {
    /// Events of which this is true.
    pub fn new(test: impl Fn(&Seen<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(test))
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        (self.0)(seen)
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("When")
    }
}

/// What the record of an event's origin tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// When it came into being.
    pub at: SimTime,
    /// How many events it is away from its root cause.
    pub hops: u32,
    /// Its key.
    pub key: KeyRef<'a>,
    /// Its data, where the run has them at hand.
    pub data: Option<&'a Arc<Value>>,
}

/// How a question was answered so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Yes, no, or not yet.
    pub outcome: Outcome,
    /// How many events, journeys or moments were judged.
    pub judged: u64,
    /// How often the answer was no.
    pub breaches: u64,
    /// How many were still under way, or too long ago to be remembered, and therefore not judged.
    pub unjudged: u64,
    /// What was measured, for a question that measures.
    pub measured: Option<Measured>,
}

/// Yes, no, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Kept,
    /// Not as expected: the first time.
    Broken(Breach),
    /// Nothing has happened that could be judged, or not enough.
    Open,
}

/// Where something was not as expected for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// When it was certain.
    pub at: SimTime,
    /// The event.
    pub event: Option<EventId>,
    /// The node.
    pub node: Option<NodeIx>,
    /// The link, where it was on the way.
    pub link: Option<LinkIx>,
    /// What was wrong.
    pub wrong: Wrong,
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Refused or given up.
    Lost(Reason),
    /// Lost by a handler that had it settled at hand-over.
    LostInHandler,
    /// Lost on a link.
    LostOnLink,
    /// A full dead-letter queue forgot it.
    Forgotten,
    /// The ledger has more losses than the records name.
    LostUnseen(u64),
    /// This one, published later, was handled before.
    OvertakenBy(EventId),
    /// Handled again.
    Again,
    /// One more than there may be.
    TooMany(u64),
    /// Fewer than there have to be.
    TooFew(u64),
    /// The journey took so long.
    Late(SimDuration),
    /// Nothing followed that had to.
    NotFollowed,
    /// So many were open.
    Behind(u64),
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// The latency of the share.
    Latency {
        /// To 7 %, but on the right side of what may be; that of all journeys is exact.
        measured: SimDuration,
        /// How many of the journeys may be late.
        may_be_late: u64,
    },
    /// The most that were open.
    Most(u64),
    /// How many there were.
    Count(u64),
}

/// Holds questions against records.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    book: Book,
    cases: Vec<Case>,
    now: SimTime,
}

/// A question with what is known of its answer.
#[derive(Clone, Debug)]
struct Case {
    fold: Fold,
    tally: CaseTally,
}

/// What was judged, and the first breach.
#[derive(Clone, Copy, Debug, Default)]
struct CaseTally {
    judged: u64,
    breaches: u64,
    first: Option<Breach>,
}

impl CaseTally {
    fn breach(&mut self, breach: Breach) {
        self.breaches += 1;
        self.first.get_or_insert(breach);
    }
}

impl Judge {
    /// Asks these questions from here on.
    pub fn new(questions: impl IntoIterator<Item = Question>) -> Self {
        let mut judge = Self::default();
        questions.into_iter().for_each(|question| judge.ask(question));
        judge
    }

    /// Asks one more question, from here on.
    pub fn ask(&mut self, question: Question) {
        self.cases.push(Case { fold: Fold::new(question), tally: CaseTally::default() });
        self.book.is_kept = self.cases.iter().any(|case| case.fold.needs_book());
    }

    /// Asks these questions in place of those before. `kept` says which of those before each one is, if it is one of them: it
    /// goes on with what it knows.
    pub fn ask_again(&mut self, questions: Vec<(Question, Option<usize>)>) {
        let mut before: Vec<Option<Case>> = std::mem::take(&mut self.cases).into_iter().map(Some).collect();
        for (question, kept) in questions {
            match kept.and_then(|place| before.get_mut(place)?.take()) {
                Some(mut known) => {
                    known.fold.go_on_with(question);
                    self.cases.push(known);
                }
                None => self.ask(question),
            }
        }
        self.book.is_kept = self.cases.iter().any(|case| case.fold.needs_book());
    }

    /// Whether nothing is asked.
    pub const fn is_idle(&self) -> bool {
        self.cases.is_empty()
    }

    /// The answers so far, in the order of the questions.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.cases.iter().map(|case| case.verdict(None)).collect()
    }

    /// The answers when the run has ended at an instant. `is_over` says that nothing was left to do, so that nothing that is
    /// still missing would ever have come.
    pub fn finish(&mut self, at: SimTime, is_over: bool, ledger: &Ledger) -> Vec<Verdict> {
        self.now = self.now.max(at);
        for case in &mut self.cases {
            case.fold.pass(at, &mut case.tally);
            case.fold.finish(at, is_over, ledger, &mut case.tally);
        }
        self.cases.iter().map(|case| case.verdict(Some(at))).collect()
    }
}

impl Case {
    fn verdict(&self, ended: Option<SimTime>) -> Verdict {
        let CaseTally { judged, breaches, first } = self.tally;
        let outcome = match first {
            Some(breach) => Outcome::Broken(breach),
            None if judged == 0 => Outcome::Open,
            None => Outcome::Kept,
        };
        let plain = Verdict { outcome, judged, breaches, unjudged: self.fold.unjudged(), measured: None };
        self.fold.measure(plain, ended)
    }
}

impl Observer for Judge {
    fn record(&mut self, record: Record<'_>) {
        if self.cases.is_empty() {
            return;
        }
        let passes = record.at > self.now;
        self.now = record.at;
        self.book.record(&record);
        for Case { fold, tally } in &mut self.cases {
            if passes {
                fold.pass(record.at, tally);
            }
            fold.record(&record, &self.book, tally);
        }
    }

    fn reshape(&mut self, _shape: &Shape, _at: SimTime) {}
}
