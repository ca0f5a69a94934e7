//! A second opinion on the judge: whoever has the whole trace before them, and looks back and forth in it as they like, comes
//! to the same verdicts as the judge that sees each record once.
//!
//! Flows, faults and interventions are random; so are the questions. No code is shared with the judge, and nothing is kept
//! from one record to the next: each answer is a search in a list.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{Chance, Counted, EventId, EventTypeIx, KindTag, LinkIx, NodeIx, SimDuration, SimTime, SubIx};
use eventloom::trace::{
    Breach, Judge, KeyRef, Ledger, Leg, Observer as _, Outcome, Question, Reach, Reason, Record, Verdict, What, When,
    Wrong,
};
use proptest::prelude::*;

use crate::ledger::{Drive, check, play, start};
use crate::support::Run;

/// Questions that each run is asked.
const QUESTIONS: u64 = 32;

type Records = [Record<'static>];

/// Which events a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    All,
    /// Those with an even number.
    Even,
}

impl Of {
    const fn includes(self, event: EventId) -> bool {
        matches!(self, Self::All) || event.number().is_multiple_of(2)
    }
}

/// What the naive one says.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    judged: u64,
    /// In the order in which they became certain.
    breaches: Vec<Breach>,
    unjudged: u64,
}

/// How a run ended.
struct End<'a> {
    at: SimTime,
    is_over: bool,
    ledger: &'a Ledger,
}

// ---- the naive answers ----------------------------------------------------------------------------------------------

fn has_sub(reach: &Reach, sub: SubIx) -> bool {
    reach.everything || reach.subs.contains(&sub)
}

fn has_link(reach: &Reach, link: LinkIx) -> bool {
    reach.everything || reach.links.contains(&link)
}

fn has_queue(reach: &Reach, node: NodeIx) -> bool {
    reach.everything || reach.queues.contains(&node)
}

/// The obligation that a record ends for good.
fn ends(what: &What<'_>) -> Option<SubIx> {
    match *what {
        What::Acked { sub, .. }
        | What::Dropped { sub, .. }
        | What::DeadLettered { sub, .. }
        | What::Expired { sub, .. }
        | What::Evicted { sub, .. }
        | What::Purged { sub, .. } => Some(sub),
        _ => None,
    }
}

fn emission(records: &Records, event: EventId) -> Option<(usize, &Record<'static>)> {
    records.iter().enumerate().find(|(_, record)| matches!(record.what, What::Emitted { event: of, .. } if of == event))
}

fn key_of(records: &Records, event: EventId) -> KeyRef<'static> {
    match emission(records, event) {
        Some((_, Record { what: What::Emitted { key, .. }, .. })) => *key,
        _ => KeyRef::None,
    }
}

fn kind_of(records: &Records, event: EventId) -> Option<EventTypeIx> {
    match emission(records, event) {
        Some((_, Record { what: What::Emitted { kind, .. }, .. })) => Some(*kind),
        _ => None,
    }
}

fn root_of(records: &Records, event: EventId) -> EventId {
    match emission(records, event) {
        Some((_, Record { what: What::Emitted { cause: Some(cause), .. }, .. })) => root_of(records, *cause),
        _ => event,
    }
}

fn nothing_lost(records: &Records, reach: &Reach, end: &End<'_>) -> Answer {
    let lost = |record: &Record<'static>| {
        let (event, node, link, wrong) = match record.what {
            What::Rejected { link, node, event, reason, .. } if has_link(reach, link) => {
                (event, Some(node), Some(link), Wrong::Lost(reason))
            }
            What::LinkLost { link, event, leg, .. } if has_link(reach, link) => {
                let for_good = leg != Leg::Answer
                    && (!matches!(leg, Leg::Deliver | Leg::Replay) || reach.hand_over.contains(&link));
                return for_good.then_some(Breach {
                    at: record.at,
                    event: Some(event),
                    node: None,
                    link: Some(link),
                    wrong: Wrong::LostOnLink,
                });
            }
            What::Dropped { sub, event, node, reason, .. } if has_sub(reach, sub) => {
                (event, Some(node), None, Wrong::Lost(reason))
            }
            What::Expired { sub, event, node, to: None, .. } if has_sub(reach, sub) => {
                (event, Some(node), None, Wrong::Lost(Reason::Expired))
            }
            What::Evicted { sub, event, node, .. } if has_sub(reach, sub) => {
                (event, Some(node), None, Wrong::Lost(Reason::Retention))
            }
            What::Failed { node, sub, event, lost: true, .. }
            | What::LostInCrash { node, sub, event, lost: true, .. }
                if has_sub(reach, sub) =>
            {
                (event, Some(node), None, Wrong::LostInHandler)
            }
            What::Forgotten { node, event } if has_queue(reach, node) => (event, Some(node), None, Wrong::Forgotten),
            _ => return None,
        };
        Some(Breach { at: record.at, event: Some(event), node, link, wrong })
    };
    let mut breaches: Vec<Breach> = records.iter().filter_map(lost).collect();
    let went_well = records.iter().filter(|record| match record.what {
        What::Acked { sub, .. }
        | What::DeadLettered { sub, .. }
        | What::Expired { sub, to: Some(_), .. }
        | What::Purged { sub, .. } => has_sub(reach, sub),
        What::Accepted { link, .. } => has_link(reach, link),
        What::Buried { node, .. } => has_queue(reach, node),
        _ => false,
    });
    let judged = (breaches.len() + went_well.count()) as u64;
    let opened = records
        .iter()
        .filter(|r| matches!(r.what, What::Opened { sub, .. } | What::Replayed { sub, .. } if has_sub(reach, sub)))
        .count();
    let ended = records.iter().filter(|r| ends(&r.what).is_some_and(|sub| has_sub(reach, sub))).count();
    let seen = records
        .iter()
        .filter(|r| matches!(r.what, What::Dropped { sub, .. } | What::Expired { sub, .. } | What::Evicted { sub, .. } if has_sub(reach, sub)));
    let unseen = end.ledger.subs.iter().enumerate().filter(|(sub, _)| has_sub(reach, SubIx(*sub as u32)));
    let unseen: u64 = unseen.map(|(_, counts)| counts.dropped + counts.expired + counts.retention_lost).sum();
    if unseen > seen.clone().count() as u64 {
        let wrong = Wrong::LostUnseen(unseen - seen.count() as u64);
        breaches.push(Breach { at: end.at, event: None, node: None, link: None, wrong });
    }
    Answer { judged, breaches, unjudged: (opened - ended) as u64 }
}

/// Where the obligation that is handled (or still open) at an index was opened: the first time since it last came to an end.
fn opened_at(records: &Records, before: usize, sub: SubIx, event: EventId) -> Option<usize> {
    let is_it = |at: SubIx, of: EventId| at == sub && of == event;
    let last_end = records[..before].iter().rposition(|record| match record.what {
        What::Handled { sub, event, .. }
        | What::Recognised { sub, event, .. }
        | What::Dropped { sub, event, .. }
        | What::Expired { sub, event, .. }
        | What::DeadLettered { sub, event, .. }
        | What::Evicted { sub, event, .. }
        | What::Purged { sub, event, .. }
        | What::Failed { sub, event, lost: true, .. }
        | What::LostInCrash { sub, event, lost: true, .. } => is_it(sub, event),
        _ => false,
    });
    let from = last_end.map_or(0, |at| at + 1);
    let opened = |record: &Record<'static>| matches!(record.what, What::Opened { sub, event, .. } if is_it(sub, event));
    records[from..before].iter().position(opened).map(|at| from + at)
}

fn in_order(records: &Records, reach: &Reach) -> Answer {
    let mut answer = Answer::default();
    // Everything that was handled, with the line that it stood in and its place there.
    let mut handled = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let What::Handled { node, sub, event, .. } = record.what else { continue };
        let key = key_of(records, event);
        if !has_sub(reach, sub) || key == KeyRef::None {
            continue;
        }
        let Some(place) = opened_at(records, at, sub, event) else { continue };
        let What::Opened { topic, .. } = records[place].what else { unreachable!("it is where it was opened") };
        handled.push((record.at, node, event, (sub, topic, key.to_string()), place));
    }
    for (number, (at, node, event, line, place)) in handled.iter().enumerate() {
        answer.judged += 1;
        let before = handled[..number].iter().filter(|(_, _, _, other, _)| other == line);
        if let Some((_, _, other, _, further)) = before.max_by_key(|(_, _, _, _, place)| *place)
            && further > place
        {
            let wrong = Wrong::OvertakenBy(*other);
            answer.breaches.push(Breach { at: *at, event: Some(*event), node: Some(*node), link: None, wrong });
        }
    }
    let opened: BTreeSet<(SubIx, EventId)> = records
        .iter()
        .filter_map(|record| match record.what {
            What::Opened { sub, event, .. } if has_sub(reach, sub) => Some((sub, event)),
            _ => None,
        })
        .collect();
    let open = opened.into_iter().filter(|(sub, event)| {
        key_of(records, *event) != KeyRef::None && opened_at(records, records.len(), *sub, *event).is_some()
    });
    answer.unjudged = open.count() as u64;
    answer
}

fn once(records: &Records, reach: &Reach) -> Answer {
    let handled: Vec<(SimTime, NodeIx, SubIx, EventId)> = records
        .iter()
        .filter_map(|record| match record.what {
            What::Handled { node, sub, event, .. } if has_sub(reach, sub) => Some((record.at, node, sub, event)),
            _ => None,
        })
        .collect();
    let again = handled.iter().enumerate().filter(|(number, (_, _, sub, event))| {
        handled[..*number].iter().any(|(_, _, other, of)| other == sub && of == event)
    });
    let breaches = again.map(|(_, (at, node, _, event))| Breach {
        at: *at,
        event: Some(*event),
        node: Some(*node),
        link: None,
        wrong: Wrong::Again,
    });
    Answer { judged: handled.len() as u64, breaches: breaches.collect(), unjudged: 0 }
}

fn dead_letters(records: &Records, at: Option<NodeIx>, at_most: u64) -> Answer {
    let letters = records.iter().filter_map(|record| match record.what {
        What::Buried { node, event, .. } if at.is_none_or(|at| at == node) => Some((record.at, node, event)),
        _ => None,
    });
    let letters: Vec<(SimTime, NodeIx, EventId)> = letters.collect();
    let breaches = letters.iter().enumerate().skip(at_most as usize).map(|(number, (at, node, event))| Breach {
        at: *at,
        event: Some(*event),
        node: Some(*node),
        link: None,
        wrong: Wrong::TooMany(number as u64 + 1),
    });
    Answer { judged: (letters.len() as u64).max(1), breaches: breaches.collect(), unjudged: 0 }
}

/// When the journey of an event began, as far as the records before an index tell.
fn begun(records: &Records, before: usize, from: NodeIx, event: EventId) -> Option<SimTime> {
    let (at, record) = emission(&records[..before], event)?;
    let What::Emitted { cause, .. } = record.what else { return None };
    let emitted = match cause {
        _ if event.origin() == from => Some(record.at),
        Some(cause) => begun(records, at, from, cause),
        None => None,
    };
    let accepted = |record: &&Record<'static>| matches!(record.what, What::Accepted { node, event: of, .. } if node == from && of == event);
    emitted.or_else(|| records[..before].iter().find(accepted).map(|record| record.at))
}

fn latency(records: &Records, from: NodeIx, to: NodeIx, share: Chance, within: SimDuration) -> (Answer, bool) {
    let arrivals = records.iter().enumerate().filter_map(|(at, record)| match record.what {
        What::Accepted { node, event, .. } | What::Handled { node, event, .. } | What::Buried { node, event, .. }
            if node == to =>
        {
            Some((at, record.at, event))
        }
        _ => None,
    });
    let journeys: Vec<(SimTime, EventId, SimDuration)> = arrivals
        .filter_map(|(at, now, event)| Some((now, event, now.since(begun(records, at + 1, from, event)?))))
        .collect();
    let late: Vec<Breach> = journeys
        .iter()
        .filter(|(_, _, taken)| *taken > within)
        .map(|(at, event, taken)| Breach {
            at: *at,
            event: Some(*event),
            node: Some(to),
            link: None,
            wrong: Wrong::Late(*taken),
        })
        .collect();
    // Sorted, the one at the share's rank must not be late.
    let mut taken: Vec<SimDuration> = journeys.iter().map(|(_, _, taken)| *taken).collect();
    taken.sort_unstable();
    let rank = (taken.len() as u128 * u128::from(share.billionths())).div_ceil(1_000_000_000) as usize;
    let is_late = rank.max(1).checked_sub(1).and_then(|rank| taken.get(rank)).is_some_and(|taken| *taken > within);
    (Answer { judged: journeys.len() as u64, breaches: late, unjudged: 0 }, is_late)
}

fn follows(
    records: &Records,
    (every, by): (EventTypeIx, EventTypeIx),
    within: SimDuration,
    same_key: bool,
    of: Of,
    end: &End<'_>,
) -> Answer {
    let emitted: Vec<(SimTime, EventId, EventTypeIx, String)> = records
        .iter()
        .filter_map(|record| match record.what {
            What::Emitted { event, kind, key, .. } => Some((record.at, event, kind, key.to_string())),
            _ => None,
        })
        .collect();
    let last = records.last().map_or(SimTime::ZERO, |record| record.at).max(end.at);
    let mut answer = Answer::default();
    for (number, (at, event, _, key)) in emitted.iter().enumerate().filter(|(_, (_, _, kind, _))| *kind == every) {
        if !of.includes(*event) {
            continue;
        }
        let deadline = *at + within;
        let answered = emitted[number + 1..].iter().any(|(then, other, kind, other_key)| {
            *kind == by
                && *then <= deadline
                && root_of(records, *other) == root_of(records, *event)
                && (!same_key || key == other_key)
        });
        if answered {
            answer.judged += 1;
        } else if deadline < last || end.is_over {
            answer.judged += 1;
            let (event, node) = (Some(*event), Some(event.origin()));
            answer.breaches.push(Breach { at: deadline, event, node, link: None, wrong: Wrong::NotFollowed });
        } else {
            answer.unjudged += 1;
        }
    }
    answer
}

fn lag(records: &Records, of: SubIx, at_most: u64) -> Answer {
    let instants: BTreeSet<SimTime> = records.iter().map(|record| record.at).collect();
    let up_to = |at: SimTime, fits: &dyn Fn(&What<'static>) -> bool| {
        records.iter().filter(|record| record.at <= at && fits(&record.what)).count() as u64
    };
    let opens =
        |what: &What<'static>| matches!(what, What::Opened { sub, .. } | What::Replayed { sub, .. } if *sub == of);
    let open_at = |at: SimTime| up_to(at, &opens) - up_to(at, &|what| ends(what) == Some(of));
    let mut answer = Answer { judged: up_to(SimTime::MAX, &opens), ..Answer::default() };
    let mut was_above = false;
    for instant in instants {
        let open = open_at(instant);
        if open > at_most && !was_above {
            let last = records.iter().rfind(|record| record.at <= instant && opens(&record.what));
            let Some(Record { at, what: What::Opened { event, .. } | What::Replayed { event, .. } }) = last else {
                unreachable!("it is above")
            };
            let wrong = Wrong::Behind(open);
            answer.breaches.push(Breach { at: *at, event: Some(*event), node: None, link: None, wrong });
        }
        was_above = open > at_most;
    }
    answer
}

fn count(
    records: &Records,
    at: NodeIx,
    of: Counted,
    event: Option<EventTypeIx>,
    which: Of,
    (least, most): (u64, Option<u64>),
    end: &End<'_>,
) -> Answer {
    let found: Vec<(SimTime, EventId)> = records
        .iter()
        .filter_map(|record| match (of, record.what) {
            (
                Counted::Received,
                What::Received { node, event, .. }
                | What::Accepted { node, event, .. }
                | What::Buried { node, event, .. },
            )
            | (Counted::Handled, What::Handled { node, event, .. })
            | (Counted::Failed, What::Failed { node, event, .. }) => (node == at).then_some((record.at, event)),
            (Counted::Emitted, What::Emitted { event, .. }) => (event.origin() == at).then_some((record.at, event)),
            _ => None,
        })
        .filter(|(_, found)| event.is_none_or(|kind| kind_of(records, *found) == Some(kind)))
        .filter(|(_, found)| which.includes(*found))
        .collect();
    let too_many = found.iter().enumerate().skip(most.map_or(usize::MAX, |most| most as usize));
    let mut breaches: Vec<Breach> = too_many
        .map(|(number, (when, event))| Breach {
            at: *when,
            event: Some(*event),
            node: Some(at),
            link: None,
            wrong: Wrong::TooMany(number as u64 + 1),
        })
        .collect();
    if (found.len() as u64) < least {
        let wrong = Wrong::TooFew(found.len() as u64);
        breaches.push(Breach { at: end.at, event: None, node: Some(at), link: None, wrong });
    }
    Answer { judged: (found.len() as u64).max(1), breaches, unjudged: 0 }
}

// ---- the questions --------------------------------------------------------------------------------------------------

/// Numbers that are fixed by a case's seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// A question, and which events it is about.
fn question(run: &Run, draws: &mut Draws) -> (Question, Of) {
    let plan = run.plan();
    let nodes: Vec<NodeIx> = (0..plan.node_count() as u32).map(NodeIx).collect();
    let subs: Vec<SubIx> = (0..plan.sub_count().max(1) as u32).map(SubIx).collect();
    let links: Vec<LinkIx> = (0..plan.link_count().max(1) as u32).map(LinkIx).collect();
    let kinds: Vec<EventTypeIx> = (0..plan.event_count().max(1) as u32).map(EventTypeIx).collect();
    let queues: Vec<NodeIx> =
        nodes.iter().copied().filter(|node| plan.node_kind(*node) == KindTag::DeadLetterQueue).collect();
    let which = draws.one(&[Of::All, Of::All, Of::Even]);
    let when = (which == Of::Even).then(|| When::new(|seen| Of::Even.includes(seen.event)));
    let within = SimDuration::from_millis(draws.one(&[0, 1, 5, 20, 100]));
    let at_most = draws.one(&[0, 1, 2, 5, 20]);
    let mut reach = Reach { everything: draws.below(2) == 0, ..Reach::default() };
    if !reach.everything {
        reach.subs.push(draws.one(&subs));
        reach.links.push(draws.one(&links));
        reach.queues.push(draws.one(&nodes));
    }
    reach.hand_over = links.iter().copied().filter(|_| draws.below(2) == 0).collect();
    let question = match draws.below(8) {
        0 => Question::NothingLost(reach),
        1 => Question::InOrder(reach),
        2 => Question::Once(reach),
        3 => {
            let at = (!queues.is_empty() && draws.below(2) == 0).then(|| draws.one(&queues));
            Question::DeadLetters { at, at_most }
        }
        4 => {
            let share = Chance::from_billionths(draws.one(&[500_000_000, 900_000_000, 1_000_000_000]));
            Question::Latency { from: draws.one(&nodes), to: draws.one(&nodes), share, within }
        }
        5 => {
            let (every, by, same_key) = (draws.one(&kinds), draws.one(&kinds), draws.below(2) == 0);
            Question::Follows { every, by, within, same_key, when }
        }
        6 => Question::Lag { of: draws.one(&subs), at_most },
        _ => {
            let event = (draws.below(2) == 0).then(|| draws.one(&kinds));
            let of = draws.one(&Counted::ALL);
            let most = (draws.below(2) == 0).then_some(at_most + 1);
            Question::Count { at: draws.one(&nodes), of, event, when, at_least: draws.below(2) as u64, at_most: most }
        }
    };
    (question, which)
}

/// What the naive one says of a question: what it found, and whether that breaks it.
fn naive(records: &Records, question: &Question, which: Of, end: &End<'_>) -> (Answer, bool) {
    let answer = match question {
        Question::NothingLost(reach) => nothing_lost(records, reach, end),
        Question::InOrder(reach) => in_order(records, reach),
        Question::Once(reach) => once(records, reach),
        Question::DeadLetters { at, at_most } => dead_letters(records, *at, *at_most),
        Question::Latency { from, to, share, within } => return latency(records, *from, *to, *share, *within),
        Question::Follows { every, by, within, same_key, when: _ } => {
            follows(records, (*every, *by), *within, *same_key, which, end)
        }
        Question::Lag { of, at_most } => lag(records, *of, *at_most),
        Question::Count { at, of, event, when: _, at_least, at_most } => {
            count(records, *at, *of, *event, which, (*at_least, *at_most), end)
        }
    };
    let is_broken = !answer.breaches.is_empty();
    (answer, is_broken)
}

#[test]
fn whoever_has_the_whole_trace_comes_to_the_same_verdicts() {
    let seen: RefCell<BTreeMap<(&str, &str), u32>> = RefCell::default();
    check(200, |case| {
        let mut run = start(case);
        play(&mut run, case, 0..case.acts.len(), Drive::Whole)?;
        let records = &run.kept.records[..];
        let ledger = run.kernel.ledger();
        let mut draws = Draws(case.seed);
        let end = End { at: run.kernel.now(), is_over: draws.below(2) == 0, ledger: &ledger };
        let questions: Vec<(Question, Of)> = (0..QUESTIONS).map(|_| question(&run, &mut draws)).collect();
        let mut judge = Judge::new(questions.iter().map(|(question, _)| question.clone()));
        for record in records {
            judge.record(*record);
        }
        let verdicts = judge.finish(end.at, end.is_over, &ledger);
        for ((question, which), verdict) in questions.iter().zip(verdicts) {
            let (answer, is_broken) = naive(records, question, *which, &end);
            let outcome = match answer.breaches.first() {
                Some(first) if is_broken => Outcome::Broken(*first),
                _ if answer.judged == 0 => Outcome::Open,
                _ => Outcome::Kept,
            };
            let Verdict { outcome: found, judged, breaches, unjudged, measured: _ } = verdict;
            prop_assert_eq!(
                (found, judged, breaches, unjudged),
                (outcome, answer.judged, answer.breaches.len() as u64, answer.unjudged),
                "{:?}, of {:?}, until {:?}, over {}\n{}",
                question,
                which,
                end.at,
                end.is_over,
                records.iter().rev().take(60).rev().map(|record| run.line(record)).collect::<Vec<_>>().join("\n")
            );
            let kind = match question {
                Question::NothingLost(_) => "nothing lost",
                Question::InOrder(_) => "in order",
                Question::Once(_) => "once",
                Question::DeadLetters { .. } => "dead letters",
                Question::Latency { .. } => "latency",
                Question::Follows { .. } => "follows",
                Question::Lag { .. } => "lag",
                Question::Count { .. } => "count",
            };
            let outcome = match outcome {
                Outcome::Kept => "kept",
                Outcome::Broken(_) => "broken",
                Outcome::Open => "open",
            };
            *seen.borrow_mut().entry((kind, outcome)).or_default() += 1;
        }
        Ok(())
    });
    // Each kind was both kept and broken, and not just once.
    let seen = seen.into_inner();
    for kind in ["nothing lost", "in order", "once", "dead letters", "latency", "follows", "lag", "count"] {
        for outcome in ["kept", "broken"] {
            let count = seen.get(&(kind, outcome)).copied().unwrap_or(0);
            assert!(count >= 5, "{kind} was {outcome} {count} times: {seen:?}");
        }
    }
}
