//! The folds behind the questions.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::book::{Book, KeyCode, Recent};
use super::loss::Loss;
use super::turn::{Turn, turn};
use super::{
    Breach, CaseTally, Counted, Histogram, Ledger, Measured, Outcome, Question, Reach, Record, Seen, Verdict, What,
    When, Wrong,
};
use crate::model::{Chance, EventId, EventTypeIx, NodeIx, SimDuration, SimTime, SubIx};

/// What is known of the answer to a question.
#[derive(Clone, Debug)]
pub(super) enum Fold {
    NothingLost(Loss),
    InOrder(Order),
    Once(Once),
    DeadLetters(DeadLetters),
    Latency(Box<Latency>),
    Follows(Follows),
    Lag(Lag),
    Count(Count),
}

impl Fold {
    pub(super) fn new(question: Question) -> Self {
        match question {
            Question::NothingLost(reach) => Self::NothingLost(Loss::new(reach)),
            Question::InOrder(reach) => Self::InOrder(Order::new(reach)),
            Question::Once(reach) => Self::Once(Once { reach, handled: Recent::default() }),
            Question::DeadLetters { at, at_most } => Self::DeadLetters(DeadLetters { at, at_most, count: 0 }),
            Question::Latency { from, to, share, within } => {
                Self::Latency(Box::new(Latency::new(from, to, share, within)))
            }
            Question::Follows { every, by, within, same_key, when } => Self::Follows(Follows {
                every,
                by,
                within,
                same_key,
                when,
                open: BTreeMap::new(),
                deadlines: VecDeque::new(),
            }),
            Question::Lag { of, at_most } => {
                Self::Lag(Lag { of, at_most, open: 0, most: 0, last: None, is_above: false })
            }
            Question::Count { at, of, event, when, at_least, at_most } => {
                Self::Count(Count { at, of, event, when, at_least, at_most, so_far: 0, fitting: Recent::default() })
            }
        }
    }

    /// The same question of an edited run: handles may have been added.
    pub(super) fn go_on_with(&mut self, question: Question) {
        match (self, question) {
            (Self::NothingLost(fold), Question::NothingLost(reach)) => fold.reach = reach,
            (Self::InOrder(fold), Question::InOrder(reach)) => fold.reach = reach,
            (Self::Once(fold), Question::Once(reach)) => fold.reach = reach,
            // A condition names things: it has to know those that were added.
            (Self::Follows(fold), Question::Follows { when, .. }) => fold.when = when,
            (Self::Count(fold), Question::Count { when, .. }) => fold.when = when,
            // A node, a type and a link that are the same have the same handles.
            (_, _) => {}
        }
    }

    /// Whether it asks the book of events.
    pub(super) const fn needs_book(&self) -> bool {
        match self {
            Self::InOrder(_) | Self::Follows(_) => true,
            Self::Count(count) => count.event.is_some(),
            Self::NothingLost(_) | Self::Once(_) | Self::DeadLetters(_) | Self::Latency(_) | Self::Lag(_) => false,
        }
    }

    pub(super) fn record(&mut self, record: &Record<'_>, book: &Book, tally: &mut CaseTally) {
        match self {
            Self::NothingLost(fold) => fold.record(record, tally),
            Self::InOrder(fold) => fold.record(record, book, tally),
            Self::Once(fold) => fold.record(record, tally),
            Self::DeadLetters(fold) => fold.record(record, tally),
            Self::Latency(fold) => fold.record(record, tally),
            Self::Follows(fold) => fold.record(record, book, tally),
            Self::Lag(fold) => fold.record(record, tally),
            Self::Count(fold) => fold.record(record, book, tally),
        }
    }

    /// Time passes up to an instant, of which nothing has been recorded yet.
    pub(super) fn pass(&mut self, until: SimTime, tally: &mut CaseTally) {
        match self {
            Self::Follows(fold) => fold.pass(until, tally),
            Self::Lag(fold) => fold.pass(tally),
            Self::NothingLost(_)
            | Self::InOrder(_)
            | Self::Once(_)
            | Self::DeadLetters(_)
            | Self::Latency(_)
            | Self::Count(_) => {}
        }
    }

    pub(super) fn finish(&mut self, at: SimTime, is_over: bool, ledger: &Ledger, tally: &mut CaseTally) {
        match self {
            Self::NothingLost(fold) => fold.finish(at, ledger, tally),
            Self::Follows(fold) if is_over => fold.pass(SimTime::MAX, tally),
            // A run without dead letters, or with none of what is counted, has kept to its bounds.
            Self::DeadLetters(_) => tally.judged = tally.judged.max(1),
            Self::Lag(fold) => fold.pass(tally),
            Self::Count(fold) => fold.finish(at, tally),
            Self::InOrder(_) | Self::Once(_) | Self::Latency(_) | Self::Follows(_) => {}
        }
    }

    /// How many were under way and are not judged.
    pub(super) fn unjudged(&self) -> u64 {
        match self {
            Self::NothingLost(fold) => fold.open(),
            Self::InOrder(fold) => fold.places.len() as u64,
            Self::Follows(fold) => fold.waiting(),
            Self::Once(_) | Self::DeadLetters(_) | Self::Latency(_) | Self::Lag(_) | Self::Count(_) => 0,
        }
    }

    /// The verdict with what was measured, and with what only all records together can say.
    pub(super) fn measure(&self, verdict: Verdict, ended: Option<SimTime>) -> Verdict {
        match self {
            Self::Latency(fold) => fold.measure(verdict),
            Self::Lag(fold) => Verdict { measured: Some(Measured::Most(fold.most)), ..verdict },
            Self::DeadLetters(fold) => Verdict { measured: Some(Measured::Count(fold.count)), ..verdict },
            Self::Count(fold) => {
                let is_short = ended.is_none() && fold.so_far < fold.at_least;
                let outcome = match verdict.outcome {
                    Outcome::Kept if is_short => Outcome::Open,
                    other => other,
                };
                Verdict { outcome, measured: Some(Measured::Count(fold.so_far)), ..verdict }
            }
            Self::NothingLost(_) | Self::InOrder(_) | Self::Once(_) | Self::Follows(_) => verdict,
        }
    }
}

// ---- order ----------------------------------------------------------------------------------------------------------

/// A line in which events have an order: a subscription, a topic and a key.
type Line = (SubIx, Option<u32>, KeyCode);

/// Events of one key are handled in the order of the log.
#[derive(Clone, Debug)]
pub(super) struct Order {
    reach: Reach,
    /// The number of the next event that a subscription gets.
    next: u64,
    /// The place of each event that was not handled yet.
    places: Recent<(SubIx, EventId), (u64, Line)>,
    /// The furthest that was handled in each line.
    furthest: HashMap<Line, (u64, EventId)>,
}

impl Order {
    fn new(reach: Reach) -> Self {
        Self { reach, next: 0, places: Recent::default(), furthest: HashMap::new() }
    }

    fn record(&mut self, record: &Record<'_>, book: &Book, tally: &mut CaseTally) {
        match record.what {
            What::Opened { sub, event, topic, .. } if self.reach.has_sub(sub) => {
                let key = book.get(event).map_or(KeyCode::default(), |entry| entry.key);
                // One that comes twice has its first place.
                if !key.is_none() && self.places.get((sub, event)).is_none() {
                    self.places.insert((sub, event), (self.next, (sub, topic.map(|topic| topic.0), key)));
                    self.next += 1;
                }
            }
            What::Handled { node, sub, event, .. } => {
                let Some((place, line)) = self.places.take((sub, event)) else { return };
                tally.judged += 1;
                let furthest = self.furthest.entry(line).or_insert((place, event));
                if place < furthest.0 {
                    let wrong = Wrong::OvertakenBy(furthest.1);
                    tally.breach(Breach { at: record.at, event: Some(event), node: Some(node), link: None, wrong });
                } else {
                    *furthest = (place, event);
                }
            }
            // One whose effect is there already has none a second time.
            What::Recognised { sub, event, .. }
            | What::Failed { sub, event, lost: true, .. }
            | What::LostInCrash { sub, event, lost: true, .. } => {
                self.places.take((sub, event));
            }
            what => match turn(&what) {
                Some((sub, event, Turn::DeadLettered | Turn::Expired { .. } | Turn::Lost { .. } | Turn::Purged)) => {
                    self.places.take((sub, event));
                }
                // An ack at hand-over comes before the handling.
                Some((_, _, Turn::Opened | Turn::Again | Turn::Settled)) | None => {}
            },
        }
    }
}

// ---- once -----------------------------------------------------------------------------------------------------------

/// No event is handled twice for one subscription.
#[derive(Clone, Debug)]
pub(super) struct Once {
    reach: Reach,
    handled: Recent<(SubIx, EventId), ()>,
}

impl Once {
    fn record(&mut self, record: &Record<'_>, tally: &mut CaseTally) {
        if let What::Handled { node, sub, event, .. } = record.what
            && self.reach.has_sub(sub)
        {
            tally.judged += 1;
            if !self.handled.insert((sub, event), ()) {
                let wrong = Wrong::Again;
                tally.breach(Breach { at: record.at, event: Some(event), node: Some(node), link: None, wrong });
            }
        }
    }
}

// ---- dead letters ---------------------------------------------------------------------------------------------------

/// At most so many dead letters.
#[derive(Clone, Debug)]
pub(super) struct DeadLetters {
    at: Option<NodeIx>,
    at_most: u64,
    count: u64,
}

impl DeadLetters {
    fn record(&mut self, record: &Record<'_>, tally: &mut CaseTally) {
        if let What::Buried { node, event, .. } = record.what
            && self.at.is_none_or(|at| at == node)
        {
            self.count += 1;
            tally.judged += 1;
            if self.count > self.at_most {
                let wrong = Wrong::TooMany(self.count);
                tally.breach(Breach { at: record.at, event: Some(event), node: Some(node), link: None, wrong });
            }
        }
    }
}

// ---- latency --------------------------------------------------------------------------------------------------------

/// A share of all journeys takes no longer than a time. Counts decide, exactly; the histogram is for words.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    from: NodeIx,
    to: NodeIx,
    share: Chance,
    within: SimDuration,
    /// When the journey of an event began: that of the nearest cause that the first node emitted or accepted.
    begun: Recent<EventId, SimTime>,
    taken: Histogram,
    late: u64,
    first_late: Option<Breach>,
}

impl Latency {
    fn new(from: NodeIx, to: NodeIx, share: Chance, within: SimDuration) -> Self {
        Self {
            from,
            to,
            share,
            within,
            begun: Recent::default(),
            taken: Histogram::default(),
            late: 0,
            first_late: None,
        }
    }

    fn record(&mut self, record: &Record<'_>, tally: &mut CaseTally) {
        match record.what {
            What::Emitted { event, cause, .. } => {
                let begun = match cause {
                    _ if event.origin() == self.from => Some(record.at),
                    Some(cause) => self.begun.get(cause).copied(),
                    None => None,
                };
                if let Some(begun) = begun {
                    self.begun.insert(event, begun);
                }
            }
            What::Accepted { node, event, .. } => {
                if node == self.from && self.begun.get(event).is_none() {
                    self.begun.insert(event, record.at);
                }
                if node == self.to {
                    self.arrive(record.at, event, tally);
                }
            }
            What::Handled { node, event, .. } | What::Buried { node, event, .. } if node == self.to => {
                self.arrive(record.at, event, tally);
            }
            _ => {}
        }
    }

    fn arrive(&mut self, at: SimTime, event: EventId, tally: &mut CaseTally) {
        let Some(begun) = self.begun.get(event) else { return };
        let taken = at.since(*begun);
        tally.judged += 1;
        self.taken.add(taken.as_nanos());
        if taken > self.within {
            self.late += 1;
            let wrong = Wrong::Late(taken);
            let breach = Breach { at, event: Some(event), node: Some(self.to), link: None, wrong };
            self.first_late.get_or_insert(breach);
        }
    }

    /// How many may be late: the one at the share's rank, and all before it, must not be.
    fn may_be_late(&self) -> u64 {
        let count = self.taken.count();
        let rank = (u128::from(count) * u128::from(self.share.billionths())).div_ceil(1_000_000_000) as u64;
        count - rank.clamp(u64::from(count > 0), count)
    }

    fn measure(&self, verdict: Verdict) -> Verdict {
        let may_be_late = self.may_be_late();
        let is_late = self.late > may_be_late;
        let outcome = match self.first_late {
            Some(breach) if is_late => Outcome::Broken(breach),
            _ => verdict.outcome,
        };
        let about = match self.share {
            Chance::ALWAYS => self.taken.max(),
            share => self.taken.percentile(share.as_f64()),
        };
        let measured = if is_late { about.max(self.within) } else { about.min(self.within) };
        let measured = (self.taken.count() > 0).then_some(Measured::Latency { measured, may_be_late });
        Verdict { outcome, breaches: self.late, measured, ..verdict }
    }
}

// ---- follows --------------------------------------------------------------------------------------------------------

/// Every event of one type is followed by one of another.
#[derive(Clone, Debug)]
pub(super) struct Follows {
    every: EventTypeIx,
    by: EventTypeIx,
    within: SimDuration,
    same_key: bool,
    when: Option<When>,
    /// Those that nothing has followed yet, by root cause and key.
    open: BTreeMap<(EventId, KeyCode), Vec<EventId>>,
    /// The same in the order of time.
    deadlines: VecDeque<Deadline>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: SimTime,
    event: EventId,
    line: (EventId, KeyCode),
}

impl Follows {
    fn record(&mut self, record: &Record<'_>, book: &Book, tally: &mut CaseTally) {
        let What::Emitted { event, kind, hops, key, data, .. } = record.what else { return };
        let Some(entry) = book.get(event) else { return };
        let line = (entry.root, if self.same_key { entry.key } else { KeyCode::default() });
        if kind == self.by
            && let Some(answered) = self.open.remove(&line)
        {
            tally.judged += answered.len() as u64;
        }
        if kind == self.every {
            let seen = Seen { event, kind, at: record.at, hops, key, data };
            if self.when.as_ref().is_none_or(|when| when.holds(&seen)) {
                self.open.entry(line).or_default().push(event);
                self.deadlines.push_back(Deadline { at: record.at + self.within, event, line });
            }
        }
    }

    /// What had to be followed before an instant and was not.
    fn pass(&mut self, until: SimTime, tally: &mut CaseTally) {
        while let Some(deadline) = self.deadlines.front().copied().filter(|deadline| deadline.at < until) {
            self.deadlines.pop_front();
            let Some(open) = self.open.get_mut(&deadline.line) else { continue };
            let Some(place) = open.iter().position(|event| *event == deadline.event) else { continue };
            open.remove(place);
            if open.is_empty() {
                self.open.remove(&deadline.line);
            }
            tally.judged += 1;
            let (event, node) = (Some(deadline.event), Some(deadline.event.origin()));
            tally.breach(Breach { at: deadline.at, event, node, link: None, wrong: Wrong::NotFollowed });
        }
    }

    fn waiting(&self) -> u64 {
        self.open.values().map(|open| open.len() as u64).sum()
    }
}

// ---- lag ------------------------------------------------------------------------------------------------------------

/// At most so many are open. What lasts no time was never there.
#[derive(Clone, Debug)]
pub(super) struct Lag {
    of: SubIx,
    at_most: u64,
    open: u64,
    most: u64,
    /// The last one that was opened, and when.
    last: Option<(EventId, SimTime)>,
    /// Whether it is above the bound since an earlier instant: a long stretch is one breach.
    is_above: bool,
}

impl Lag {
    fn record(&mut self, record: &Record<'_>, tally: &mut CaseTally) {
        let Some((_, event, turn)) = turn(&record.what).filter(|(sub, ..)| *sub == self.of) else { return };
        if turn.is_end() {
            self.open = self.open.saturating_sub(1);
        } else {
            self.open += 1;
            self.last = Some((event, record.at));
            tally.judged += 1;
        }
    }

    fn pass(&mut self, tally: &mut CaseTally) {
        self.most = self.most.max(self.open);
        let was_above = std::mem::replace(&mut self.is_above, self.open > self.at_most);
        if self.is_above
            && !was_above
            && let Some((event, at)) = self.last
        {
            let wrong = Wrong::Behind(self.open);
            tally.breach(Breach { at, event: Some(event), node: None, link: None, wrong });
        }
    }
}

// ---- counts ---------------------------------------------------------------------------------------------------------

/// A node does something so often.
#[derive(Clone, Debug)]
pub(super) struct Count {
    at: NodeIx,
    of: Counted,
    event: Option<EventTypeIx>,
    when: Option<When>,
    at_least: u64,
    at_most: Option<u64>,
    so_far: u64,
    /// Events of which the condition is true.
    fitting: Recent<EventId, ()>,
}

impl Count {
    fn record(&mut self, record: &Record<'_>, book: &Book, tally: &mut CaseTally) {
        if let (Some(when), What::Emitted { event, kind, hops, key, data, .. }) = (&self.when, record.what)
            && when.holds(&Seen { event, kind, at: record.at, hops, key, data })
        {
            self.fitting.insert(event, ());
        }
        let (node, event) = match (self.of, record.what) {
            (
                Counted::Received,
                What::Received { node, event, .. }
                | What::Accepted { node, event, .. }
                | What::Buried { node, event, .. },
            ) => (node, event),
            (Counted::Handled, What::Handled { node, event, .. }) => (node, event),
            (Counted::Failed, What::Failed { node, event, .. }) => (node, event),
            (Counted::Emitted, What::Emitted { event, .. }) => (event.origin(), event),
            _ => return,
        };
        let is_of_type = |of: EventTypeIx| book.get(event).is_some_and(|entry| entry.kind == of);
        if node != self.at
            || !self.event.is_none_or(is_of_type)
            || self.when.is_some() && self.fitting.get(event).is_none()
        {
            return;
        }
        self.so_far += 1;
        tally.judged += 1;
        if self.at_most.is_some_and(|most| self.so_far > most) {
            let wrong = Wrong::TooMany(self.so_far);
            tally.breach(Breach { at: record.at, event: Some(event), node: Some(node), link: None, wrong });
        }
    }

    fn finish(&self, at: SimTime, tally: &mut CaseTally) {
        tally.judged = tally.judged.max(1);
        if self.so_far < self.at_least {
            let wrong = Wrong::TooFew(self.so_far);
            tally.breach(Breach { at, event: None, node: Some(self.at), link: None, wrong });
        }
    }
}
